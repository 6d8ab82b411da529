import { StaticDiscovery } from '@lb/core'
import { countCalls, startInstances } from './instances.ts'

const instances = await startInstances('stable', 'stable', 'canary')
const discovery = new StaticDiscovery({
  'user-service': instances.map(({ host, port, id }) => ({
    host,
    port,
    metadata: { version: id === 'canary' ? 'v2' : 'v1' },
  })),
})

// #region balancer
import { GroupedBalancer, LoadBalancer } from '@lb/core'

const lb = new LoadBalancer({
  discovery,
  services: {
    'user-service': {
      balancer: () => new GroupedBalancer({ groupOf: ({ metadata }) => metadata.version, shares: { v1: 95, v2: 5 } }),
    },
  },
})
// #endregion balancer
const call = () =>
  lb.execute('user-service', async ({ host, port }) => (await fetch(`http://${host}:${port}/`)).text(), {
    idempotent: true,
  })

await lb.ready('user-service')
console.log(await countCalls(100, call))
// #region shares
const control = lb.control('user-service', { by: 'alice' })
control.setShares({ v1: 50, v2: 50 }) // 5 to 50 %
// #endregion shares
console.log(await countCalls(100, call))
// #region back
control.setShares({ v1: 100, v2: 0 }) // the canary is ill
// #endregion back
console.log(await countCalls(100, call))
await lb.close()
await Promise.all(instances.map((instance) => instance.stop()))
