import { StaticDiscovery } from '@lb/core'
import { countCalls, startInstances } from './instances.ts'

const instances = await startInstances('full', 'empty')
for (const [index, instance] of instances.entries()) {
  const report = `TEXT named_metrics.kv_cache_usage_perc=${index === 0 ? 0.9 : 0.3}`
  instance.script = ({ headers }) => ({
    body: instance.id,
    headers: headers['endpoint-load-metrics-format'] === undefined ? {} : { 'endpoint-load-metrics': report },
  })
}
const discovery = new StaticDiscovery({ llama: instances.map(({ address }) => address) })

// #region recipe
import { LoadBalancer } from '@lb/core'
import { createFetch } from '@lb/undici'

const lb = new LoadBalancer({
  discovery,
  services: {
    llama: { loadReports: { request: true, metrics: ['named_metrics.kv_cache_usage_perc'], blackoutMs: 0 } },
  },
})
const fetch = createFetch(lb)
// #endregion recipe
const ask = () => fetch('http://llama/v1/models').then((response) => response.text())

for (const end = performance.now() + 1_500; performance.now() < end; ) await ask()
const counts = await countCalls(100, ask)
const [empty = 0, full = 0] = counts.match(/\d+/g)?.map(Number) ?? []
console.log(`the instance with the emptier cache gets more requests: ${empty > 2 * full}`)
await fetch.close()
await lb.close()
await Promise.all(instances.map((instance) => instance.stop()))
