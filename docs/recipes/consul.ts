// #region recipe
import { ConsulDiscovery } from '@lb/consul'
import { LoadBalancer } from '@lb/core'
import { follow } from './follow.ts'

const lb = new LoadBalancer({ discovery: new ConsulDiscovery({ passing: true }) }) // the agent of CONSUL_HTTP_ADDR
// #endregion recipe
await follow(lb)
