import { follow } from './follow.ts'

const { PORT = '8080', DNS_SERVER: server } = process.env
const servers = server === undefined ? undefined : [server] // in a pod: those of the cluster

// #region recipe
import { LoadBalancer } from '@lb/core'
import { DnsDiscovery } from '@lb/dns-srv'

const lb = new LoadBalancer({
  discovery: new DnsDiscovery({
    name: '{service}.prod.svc.cluster.local.',
    port: Number(PORT),
    servers,
    missingGraceMs: 0,
  }),
})
// #endregion recipe
await follow(lb)
