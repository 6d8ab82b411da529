// One request that needs a retry, as a trace, as metrics and as a log.
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { instrument } from '@lb/opentelemetry'
import { collectMetrics } from '@lb/prometheus'
import { createFetch } from '@lb/undici'
import { Registry } from 'prom-client'
import { startInstance } from './instance.ts'
import { Traces } from './traces.ts'

// In production: OpenTelemetry's SDK with an exporter, and `register` of prom-client.
const traces = new Traces()
const registry = new Registry()

const instances = [await startInstance(503), await startInstance(200)]
const lb = new LoadBalancer({
  discovery: new StaticDiscovery({ 'user-service': instances.map(({ address }) => address) }),
  random: () => 0,
})
instrument(lb, { tracerProvider: traces.provider })
collectMetrics(lb, { registry })

console.log('The log:')
lb.subscribe((event) => console.log(`  ${event.type}`), ['retry', 'call-finished'])

const fetch = createFetch(lb)
const response = await fetch('http://user-service/v1/profile')
await response.text()

const spans = await traces.ended('GET user-service')
console.log(
  `The trace that the instance with 200 got:\n  ${instances[1]?.traceparent() === spans.traceparent ? 'the same' : 'another'}`,
)
console.log(`The trace:\n${spans.tree}`)
console.log('The metrics, without those that are 0:')
const lines = (await registry.metrics()).split('\n')
console.log(
  lines
    .filter((line) => /^lb_client_.*_(count|sum)\{/.test(line) && !line.includes('seconds_sum'))
    .map((line) => `  ${line}`)
    .join('\n'),
)

await fetch.close()
await lb.close()
for (const instance of instances) instance.close()
