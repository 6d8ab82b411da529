// Writes docs/reference/metrics.md: every metric from the table that @lb/opentelemetry and @lb/prometheus share, and what others call it.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { metricLabels } from '../packages/core/src/observe/metrics/metric-labels.ts'
import {
  labelsOf,
  type Metric,
  type MetricName,
  metricTable,
} from '../packages/core/src/observe/metrics/metric-table.ts'
import { prometheusName, underscored } from '../packages/prometheus/src/metric-name.ts'
import { equivalents } from './metric-equivalents.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

const kinds: Readonly<Record<Metric['kind'], string>> = {
  counter: 'counter',
  histogram: 'histogram',
  updown: 'gauge (up-down counter)',
  gauge: 'gauge',
}

const code = (name: string): string => `\`${name}\``

function row([name, metric]: readonly [string, Metric]): string {
  const { kind, unit, description, source, byInstance, conventional } = metric
  const prometheus = conventional === true ? '–' : code(prometheusName(name, metric))
  const labels = labelsOf(metric, false).map(code).join(', ')
  const instances = byInstance === undefined ? '' : { too: ', `lb.instance`*', only: ', `lb.instance`' }[byInstance]
  const only = byInstance === 'only' ? ' (with `instanceLabel`)' : ''
  return `| ${code(name)} | ${prometheus} | ${kinds[kind]} | ${unit} | ${description}${only} | ${labels}${instances} | ${source} |\n`
}

/** How many values a label has at most, where that is known beforehand. */
const seriesOf: Readonly<Record<string, number>> = { enforced: 2, state: 7, change: 3 }

/** How many series one service, or one more instance, has at most in Prometheus. */
function series(ofInstance: boolean): number {
  return Object.entries<Metric>(metricTable)
    .filter(
      ([, { conventional, byInstance }]) => conventional !== true && (ofInstance ? byInstance : byInstance !== 'only'),
    )
    .filter(([name]) => name !== 'lb.services.released')
    .map(([name, { labels, buckets }]) => {
      const results = name === 'lb.client.call.duration' ? 4 : 3
      const reasons = name === 'lb.client.call.refusals' ? 5 : 6
      const values: Readonly<Record<string, number>> = { ...seriesOf, result: results, reason: reasons }
      const sets = labels.map((label) => values[label] ?? 1)
      // One for each bucket, for +Inf, the sum and the count.
      return sets.reduce((product, each) => product * each, buckets === undefined ? 1 : buckets.length + 3)
    })
    .reduce((sum, each) => sum + each, 0)
}

/** The page, from the table as it is. */
export function metricsReference(): string {
  const metrics = Object.entries<Metric>(metricTable)
  const labels = Object.entries(metricLabels).map(
    ([name, values]) => `| ${code(name)} | ${code(underscored(name))} | ${values} |\n`,
  )
  const names: Readonly<Record<string, readonly string[]>> = equivalents satisfies Record<MetricName, readonly string[]>
  const others = metrics.map(([name]) => `| ${code(name)} | ${(names[name] ?? []).join(' | ')} |\n`)
  return `# Metrics

\`scripts/metrics-reference.ts\` writes this page from the table that \`@lb/opentelemetry\` and \`@lb/prometheus\` share. The names in Prometheus are
those that OpenTelemetry's exporters would write, so that dashboards and rules hold for both. Durations are in seconds. [How to observe
lb](../how-to/observe.md) shows how to switch them on.

| OpenTelemetry | Prometheus | kind | unit | what it measures | labels | read from |
| --- | --- | --- | --- | --- | --- | --- |
${metrics.map(row).join('')}
* with \`instanceLabel\`.

Histograms of durations have the buckets of the semantic conventions of OpenTelemetry, from 5 ms to 10 s; those of retries and hedges count
1, 2, 3, 4, 5 and 10. \`http.client.request.duration\` is measured by \`@lb/opentelemetry\` alone: in Prometheus, the name belongs to the
instrumentation of the HTTP client. Attempts of an instrumented transport are measured by that under the same name, with the address of the
instance as \`server.address\`: tell them apart by the scope, \`@lb/opentelemetry\`.

## Labels

| OpenTelemetry | Prometheus | values |
| --- | --- | --- |
${labels.join('')}
Not \`service\` and \`instance\`: Prometheus and its operator give every series labels of these names. Texts from a registry or a caller are cut at
120 characters, and control characters in them replaced; a hash keeps them apart.

## How many series

- One service has at most ${series(false)} series in Prometheus, and with \`instanceLabel\` at most ${series(true)} more for each instance, up to 1000
  instances. A service that was never used has none. \`http.client.request.duration\` has one histogram for each method, status and type of
  error, of which there are at most 50 besides the statuses.
- All names that no list was ever known of share the service \`(unknown)\`: names that come from requests make no series.
- The series of a service that is released, and of an instance that is gone, are removed, and calls that end later bring none back. So do
  the function that \`collectMetrics\` returns, and the end of the load balancer. OpenTelemetry's SDK cannot remove the series of a
  counter or histogram: with \`instanceLabel\` and instances that come and go, export deltas.

## What others call it

| lb | Envoy (\`cluster.NAME.\`) | gRPC (A66, A78, A91, A96) | Spring Cloud LoadBalancer | Finagle (\`clnt/NAME/\`) |
| --- | --- | --- | --- | --- |
${others.join('')}`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(join(root, 'docs/reference/metrics.md'), metricsReference())
}
