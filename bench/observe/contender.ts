// One way to be observed, in a process of its own: `contender.ts NAME SECONDS ADDRESS…` prints the CPU time of a request in microseconds.
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { instrument } from '@lb/opentelemetry'
import { collectMetrics } from '@lb/prometheus'
import { createFetch } from '@lb/undici'
import { context, propagation } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { ExportResultCode, W3CTraceContextPropagator } from '@opentelemetry/core'
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace'
import { Registry } from 'prom-client'
import type { ContenderName } from './contenders.ts'

const [name = '', seconds = '1', ...addresses] = process.argv.slice(2)
const lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: addresses }) })

/** Takes every span, and keeps none. */
const exporter: SpanExporter = {
  export: (_spans, done) => done({ code: ExportResultCode.SUCCESS }),
  shutdown: () => Promise.resolve(),
}

function startSdk(): { tracerProvider: TracerProvider; meterProvider: MeterProvider } {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  const tracerProvider = new TracerProvider({
    spanProcessors: [new BatchSpanProcessor({ exporter, maxQueueSize: 100_000, scheduledDelayMillis: 100 })],
  })
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.DELTA)
  const meterProvider = new MeterProvider({
    readers: [new PeriodicExportingMetricReader({ exporter: metricExporter, exportIntervalMillis: 60_000 })],
  })
  const instrumentation = new UndiciInstrumentation()
  instrumentation.setTracerProvider(tracerProvider)
  instrumentation.setMeterProvider(meterProvider)
  return { tracerProvider, meterProvider }
}

const setups: Readonly<Record<ContenderName, () => void>> = {
  nothing: () => {},
  transport: () => void startSdk(),
  calls: () => void instrument(lb, startSdk()),
  prometheus: () => void collectMetrics(lb, { registry: new Registry() }),
}
for (const [each, setUp] of Object.entries(setups)) if (each === name) setUp()

const fetch = createFetch(lb)

/** Requests, 20 at a time, until `untilMs`; how many. */
async function load(untilMs: number): Promise<number> {
  let requests = 0
  const one = async (): Promise<void> => {
    while (performance.now() < untilMs) {
      const response = await fetch('http://users/small')
      await response.text()
      requests++
    }
  }
  await Promise.all(Array.from({ length: 20 }, one))
  return requests
}

// Until it is compiled.
await load(performance.now() + (Number(seconds) * 1_000) / 2)
const before = process.cpuUsage()
const requests = await load(performance.now() + Number(seconds) * 1_000)
const { user, system } = process.cpuUsage(before)
console.log((user + system) / requests)
process.exit()
