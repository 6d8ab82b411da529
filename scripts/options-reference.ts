// Writes docs/reference/options.md: meanings and defaults from the comments of the interfaces, unit and bounds from the tables of options.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { groupedTable } from '../packages/core/src/balancer/grouped.ts'
import { maglevTable } from '../packages/core/src/balancer/hashing/maglev.ts'
import { ringHashTable } from '../packages/core/src/balancer/hashing/ring-hash.ts'
import { leastRequestTable } from '../packages/core/src/balancer/load-aware/least-request.ts'
import { peakEwmaTable } from '../packages/core/src/balancer/load-aware/peak-ewma.ts'
import { probingTable } from '../packages/core/src/balancer/probing/options.ts'
import { probingBalancerTable } from '../packages/core/src/balancer/probing/probing.ts'
import { randomTable } from '../packages/core/src/balancer/random.ts'
import { roundRobinTable } from '../packages/core/src/balancer/round-robin.ts'
import { smoothWeightedTable } from '../packages/core/src/balancer/smooth-weighted/smooth-weighted-round-robin.ts'
import type { Option } from '../packages/core/src/base/option-table.ts'
import { executeTable } from '../packages/core/src/call/execute-options.ts'
import { configuredServiceTable, loadBalancerTable, serviceTable } from '../packages/core/src/config/service-options.ts'
import { healthCheckTable } from '../packages/core/src/health/checks/options.ts'
import { healthCheckTlsTable } from '../packages/core/src/health/checks/tls.ts'
import { panicTable } from '../packages/core/src/health/eligibility/panic.ts'
import { slowStartTable } from '../packages/core/src/health/eligibility/slow-start.ts'
import { zoneTable } from '../packages/core/src/health/eligibility/zone-options.ts'
import { noAnswerTable } from '../packages/core/src/health/outliers/answer-watch.ts'
import {
  failurePercentageTable,
  outlierDetectionTable,
  successRateTable,
} from '../packages/core/src/health/outliers/options.ts'
import { routingTable } from '../packages/core/src/instance/routing-options.ts'
import { subsetTable } from '../packages/core/src/instance/subset.ts'
import { loadReportTable } from '../packages/core/src/load-report/options.ts'
import { loadReportPollTable } from '../packages/core/src/load-report/poll-options.ts'
import { throttleTable } from '../packages/core/src/overload/client-throttle.ts'
import { adaptiveLimitTable } from '../packages/core/src/overload/gradient-limit.ts'
import { queueTable } from '../packages/core/src/overload/queue-options.ts'
import { hedgeTable } from '../packages/core/src/retry/hedging.ts'
import { retryBudgetTable } from '../packages/core/src/retry/retry-budget.ts'
import { retryTable } from '../packages/core/src/retry/retry-policy.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

interface Section {
  readonly title: string
  /** Its interfaces, each as `Name in file`. */
  readonly interfaces: readonly string[]
  readonly table: Readonly<Record<string, Option<unknown>>>
}

/** One option, as its interface documents it. */
interface Documented {
  readonly name: string
  readonly meaning: string
  /** As the comment writes it, after `@default`. */
  readonly default: string | undefined
}

/** Title, interface and file (those that it extends, too), table. */
const rows: readonly (readonly [string, string, Section['table']])[] = [
  ['LoadBalancerOptions', 'LoadBalancerOptions in config/service-options.ts', loadBalancerTable],
  ['ServiceOptions', 'ServiceOptions in config/service-options.ts', serviceTable],
  ['services.NAME', 'ConfiguredServiceOptions in config/service-options.ts', configuredServiceTable],
  ['retry', 'RetryOptions in retry/retry-policy.ts', retryTable],
  ['probing', 'ProbingOptions in balancer/probing/options.ts', probingTable],
  ['retry.budget', 'RetryBudgetOptions in retry/retry-budget.ts', retryBudgetTable],
  ['hedge', 'HedgeOptions in retry/hedging.ts', hedgeTable],
  ['healthCheck', 'HealthCheckOptions in health/checks/options.ts', healthCheckTable],
  ['healthCheck.tls', 'HealthCheckTls in health/checks/tls.ts', healthCheckTlsTable],
  ['outlierDetection', 'OutlierDetectionOptions in health/outliers/options.ts', outlierDetectionTable],
  [
    'outlierDetection.failurePercentage',
    'FailurePercentageOptions in health/outliers/options.ts',
    failurePercentageTable,
  ],
  ['outlierDetection.successRate', 'SuccessRateOptions in health/outliers/options.ts', successRateTable],
  ['outlierDetection.noAnswer', 'NoAnswerOptions in health/outliers/answer-watch.ts', noAnswerTable],
  ['slowStart', 'SlowStartOptions in health/eligibility/slow-start.ts', slowStartTable],
  ['panic', 'PanicOptions in health/eligibility/panic.ts', panicTable],
  ['zone', 'ZoneOptions in health/eligibility/zone-options.ts', zoneTable],
  ['subset', 'SubsetOptions in instance/subset.ts', subsetTable],
  ['routing', 'RoutingOptions in instance/routing-options.ts', routingTable],
  ['loadReports', 'LoadReportOptions in load-report/options.ts', loadReportTable],
  ['loadReports.poll', 'LoadReportPollOptions in load-report/poll-options.ts', loadReportPollTable],
  ['adaptiveLimit', 'AdaptiveLimitOptions in overload/gradient-limit.ts', adaptiveLimitTable],
  ['queue', 'QueueOptions in overload/queue-options.ts', queueTable],
  ['throttle', 'ThrottleOptions in overload/client-throttle.ts', throttleTable],
  ['lb.execute()', 'ExecuteOptions in call/execute-options.ts, PickRequest in balancer/balancer.ts', executeTable],
  ['RoundRobinBalancer', 'RoundRobinOptions in balancer/round-robin.ts', roundRobinTable],
  [
    'SmoothWeightedRoundRobinBalancer',
    'SmoothWeightedRoundRobinOptions in balancer/smooth-weighted/smooth-weighted-round-robin.ts',
    smoothWeightedTable,
  ],
  ['GroupedBalancer', 'GroupedOptions in balancer/grouped.ts', groupedTable],
  ['RandomBalancer', 'RandomOptions in balancer/random.ts', randomTable],
  ['LeastRequestBalancer', 'LeastRequestOptions in balancer/load-aware/least-request.ts', leastRequestTable],
  ['PeakEwmaBalancer', 'PeakEwmaOptions in balancer/load-aware/peak-ewma.ts', peakEwmaTable],
  ['ProbingBalancer', 'ProbingBalancerOptions in balancer/probing/probing.ts', probingBalancerTable],
  ['RingHashBalancer', 'RingHashOptions in balancer/hashing/ring-hash.ts', ringHashTable],
  ['MaglevBalancer', 'MaglevOptions in balancer/hashing/maglev.ts', maglevTable],
]

/** Every object of options of a load balancer, its calls and balancers. */
export const sections: readonly Section[] = rows.map(([title, places, table]) => ({
  title,
  interfaces: places.split(', '),
  table,
}))

/** The options that the interfaces of a section declare, in their order. */
export function documentedOptions({ interfaces }: Section): Documented[] {
  return interfaces.flatMap(declaredOptions)
}

function declaredOptions(place: string): Documented[] {
  const [type = '', file = ''] = place.split(' in ')
  const source = readFileSync(join(root, 'packages/core/src', file), 'utf8')
  const [, body = ''] = new RegExp(String.raw`export interface ${type}\b[^{]*\{\n([\s\S]*?)\n\}`).exec(source) ?? []
  return Array.from(
    body.matchAll(/(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*)?readonly (\w+)\??:/g),
    ([, comment = '', name = '']) => {
      const text = comment
        .replace(/\n\s*\* ?/g, '\n')
        .replace(/\s+/g, ' ')
        .trim()
      const [meaning = '', value] = text.split(/\s*@default\s*/)
      return { name, meaning, default: value }
    },
  )
}

function sectionText(section: Section): string {
  const options = documentedOptions(section).map(({ name, meaning, default: value }) => {
    const legal = section.table[name]?.legal
    const facts = [
      legal === undefined ? [] : `Legal: ${legal}.`,
      value === undefined ? [] : `Default: ${/^\S+$/.test(value) ? `\`${value}\`` : value}.`,
    ].flat()
    return `- **\`${name}\`**: ${[meaning, ...facts].filter((each) => each !== '').join('\n  ')}`
  })
  return `## ${section.title}\n\n${options.map(wrapped).join('\n')}\n`
}

/** No line is longer than 150 characters. */
function wrapped(text: string): string {
  return text
    .split('\n')
    .map((line) => (line.length <= 150 ? line : line.replace(/(.{60,140}) (?=\S)/g, '$1\n  ').trimEnd()))
    .join('\n')
}

/** The page, from the sources as they are. */
export function optionsReference(): string {
  const intro = `# Options of load balancers, calls and balancers

\`scripts/options-reference.ts\` writes this page from the sources. Every option can be left out, but for those that are required. The options of
\`ServiceOptions\` stand at the top level, for every service, and under \`services\`, for one; they are merged field by field.
`
  return `${intro}\n${sections.map(sectionText).join('\n')}`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = join(root, 'docs/reference/options.md')
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, optionsReference())
}
