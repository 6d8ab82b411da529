import { StaticDiscovery } from '@lb/core'
import { startInstances } from './instances.ts'

const instances = await startInstances('a', 'b', 'c', 'd', 'e', 'f')
const list = { 'user-service': instances.map(({ address }) => address) }

// #region recipe
import { LoadBalancer } from '@lb/core'

/** The load balancer of one of four processes: `index` is the ordinal of a StatefulSet, for example. */
function clientOf(index: number): LoadBalancer {
  return new LoadBalancer({ discovery: new StaticDiscovery(list), subset: { size: 3, index, clients: 4 } })
}
// #endregion recipe

const clients = [0, 1, 2, 3].map(clientOf)
const usedBy = new Map<string, number>()
const sizes = new Set<number>()
for (const client of clients) {
  await client.ready('user-service')
  const used = new Set<string>()
  for (let call = 0; call < 12; call++) used.add(client.pick('user-service').id)
  sizes.add(used.size)
  for (const id of used) usedBy.set(id, (usedBy.get(id) ?? 0) + 1)
  await client.close()
}
console.log(`each of ${clients.length} clients uses ${[...sizes].join(' or ')} instances`)
console.log(`each of ${usedBy.size} instances is used by ${[...new Set(usedBy.values())].join(' or ')} clients`)
await Promise.all(instances.map((instance) => instance.stop()))
