import { follow } from './follow.ts'

const { NACOS_SERVERS = 'http://127.0.0.1:8848' } = process.env

// #region recipe
import { LoadBalancer } from '@lb/core'
import { NacosDiscovery } from '@lb/nacos'

const discovery = new NacosDiscovery({ servers: NACOS_SERVERS.split(',') })
const lb = new LoadBalancer({ discovery, emptyGraceMs: 30_000 }) // a restarted Nacos knows no instance until the next beat
// #endregion recipe
await follow(lb)
