// #region recipe
import { randomInt } from 'node:crypto'
import { LoadBalancer, MaglevBalancer, StaticDiscovery } from '@lb/core'

const discovery = new StaticDiscovery({
  cache: [0, 1, 2].map((ordinal) => ({
    host: `10.0.1.1${ordinal}`,
    port: 6379,
    metadata: { pod: `cache-${ordinal}` },
  })),
})
const seed = Number(process.env.HASH_SEED ?? randomInt(2 ** 47)) // a secret, and the same in all processes
const lb = new LoadBalancer({
  discovery,
  services: {
    cache: { balancer: () => new MaglevBalancer({ hashKeyOf: ({ metadata }) => metadata.pod ?? '', seed }) },
  },
})
// #endregion recipe
await lb.ready('cache')
const podOf = (user: number) => lb.pick('cache', { hashKey: `user-${user}` }).metadata.pod
const users = Array.from({ length: 1_000 }, (_, user) => user)
const before = users.map(podOf)
discovery.set(
  'cache',
  [0, 1, 2].map((ordinal) => ({ host: `10.0.2.2${ordinal}`, port: 6379, metadata: { pod: `cache-${ordinal}` } })),
)
await lb.refresh('cache')
const stayed = users.filter((user) => podOf(user) === before[user]).length
console.log(`all pods were replaced: ${stayed} of 1000 users stayed at their place`)
await lb.close()
