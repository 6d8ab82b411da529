import { setTimeout as delay } from 'node:timers/promises'
import { StaticDiscovery } from '@lb/core'
import { countCalls, startInstances } from './instances.ts'

const instances = await startInstances('busy', 'usual-1', 'usual-2')
for (const instance of instances) {
  const utilization = instance.id === 'busy' ? 0.9 : 0.2
  const report = JSON.stringify({ application_utilization: utilization, rps_fractional: 50 })
  instance.script = ({ url }) => ({ body: url === '/load' ? report : instance.id })
}
const discovery = new StaticDiscovery({ 'user-service': instances.map(({ address }) => address) })

// #region recipe
import { LoadBalancer } from '@lb/core'
import { createFetch } from '@lb/undici'

const lb = new LoadBalancer({
  discovery,
  loadReports: {
    poll: { path: '/load', intervalMs: 200 }, // 10 s by default
    overloadRatio: 3, // above three times the median of the fleet
    blackoutMs: 0, // reports count at once
  },
})
const fetch = createFetch(lb)
// #endregion recipe
const ask = () => fetch('http://user-service/').then((response) => response.text())

await ask()
while (!lb.inspect('user-service').instances.some(({ effectiveWeight }) => effectiveWeight === 0.1)) {
  await delay(100)
  await ask()
}
const counts = await countCalls(100, ask)
const busy = Number(/busy (\d+)/.exec(counts)?.[1] ?? 0)
console.log(`the busy instance gets a tenth of a usual share: ${busy > 0 && busy < 10}`)
await fetch.close()
await lb.close()
await Promise.all(instances.map((instance) => instance.stop()))
