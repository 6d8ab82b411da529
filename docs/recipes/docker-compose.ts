import { follow } from './follow.ts'

const { PORT = '8080', DNS_SERVER: server } = process.env
const servers = server === undefined ? undefined : [server] // in a container: Docker's

// #region recipe
import { LoadBalancer } from '@lb/core'
import { DnsDiscovery } from '@lb/dns-srv'

const name = process.env.SWARM === undefined ? '{service}.' : 'tasks.{service}.'
const lb = new LoadBalancer({
  discovery: new DnsDiscovery({ name, port: Number(PORT), servers, missingGraceMs: 0 }),
})
// #endregion recipe
await follow(lb)
