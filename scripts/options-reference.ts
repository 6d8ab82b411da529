// Writes docs/reference/options.md: meanings and defaults from the comments of the interfaces, unit and bounds from the tables of options.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { groupedTable } from '../packages/core/src/balancer/grouped.ts'
import { maglevTable } from '../packages/core/src/balancer/hashing/maglev.ts'
import { ringHashTable } from '../packages/core/src/balancer/hashing/ring-hash.ts'
import { leastRequestTable } from '../packages/core/src/balancer/load-aware/least-request.ts'
import { peakEwmaTable } from '../packages/core/src/balancer/load-aware/peak-ewma.ts'
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
import { subsetTable } from '../packages/core/src/instance/subset.ts'
import { loadReportTable } from '../packages/core/src/load-report/learned-weights.ts'
import { throttleTable } from '../packages/core/src/overload/client-throttle.ts'
import { queueTable } from '../packages/core/src/overload/queue-options.ts'
import { hedgeTable } from '../packages/core/src/retry/hedging.ts'
import { retryBudgetTable } from '../packages/core/src/retry/retry-budget.ts'
import { retryTable } from '../packages/core/src/retry/retry-policy.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

interface Section {
  readonly title: string
  readonly file: string
  readonly type: string
  readonly table: Readonly<Record<string, Option<unknown>>>
}

/** One option, as its interface documents it. */
interface Documented {
  readonly name: string
  readonly meaning: string
  /** As the comment writes it, after `@default`. */
  readonly default: string | undefined
}

/** Every object of options of a load balancer, its calls and balancers. */
export const sections: readonly Section[] = [
  {
    title: 'LoadBalancerOptions',
    file: 'config/service-options.ts',
    type: 'LoadBalancerOptions',
    table: loadBalancerTable,
  },
  { title: 'ServiceOptions', file: 'config/service-options.ts', type: 'ServiceOptions', table: serviceTable },
  {
    title: 'services.NAME',
    file: 'config/service-options.ts',
    type: 'ConfiguredServiceOptions',
    table: configuredServiceTable,
  },
  { title: 'retry', file: 'retry/retry-policy.ts', type: 'RetryOptions', table: retryTable },
  { title: 'retry.budget', file: 'retry/retry-budget.ts', type: 'RetryBudgetOptions', table: retryBudgetTable },
  { title: 'hedge', file: 'retry/hedging.ts', type: 'HedgeOptions', table: hedgeTable },
  { title: 'healthCheck', file: 'health/checks/options.ts', type: 'HealthCheckOptions', table: healthCheckTable },
  { title: 'healthCheck.tls', file: 'health/checks/tls.ts', type: 'HealthCheckTls', table: healthCheckTlsTable },
  {
    title: 'outlierDetection',
    file: 'health/outliers/options.ts',
    type: 'OutlierDetectionOptions',
    table: outlierDetectionTable,
  },
  {
    title: 'outlierDetection.failurePercentage',
    file: 'health/outliers/options.ts',
    type: 'FailurePercentageOptions',
    table: failurePercentageTable,
  },
  {
    title: 'outlierDetection.successRate',
    file: 'health/outliers/options.ts',
    type: 'SuccessRateOptions',
    table: successRateTable,
  },
  {
    title: 'outlierDetection.noAnswer',
    file: 'health/outliers/answer-watch.ts',
    type: 'NoAnswerOptions',
    table: noAnswerTable,
  },
  { title: 'slowStart', file: 'health/eligibility/slow-start.ts', type: 'SlowStartOptions', table: slowStartTable },
  { title: 'panic', file: 'health/eligibility/panic.ts', type: 'PanicOptions', table: panicTable },
  { title: 'zone', file: 'health/eligibility/zone-options.ts', type: 'ZoneOptions', table: zoneTable },
  { title: 'subset', file: 'instance/subset.ts', type: 'SubsetOptions', table: subsetTable },
  { title: 'loadReports', file: 'load-report/learned-weights.ts', type: 'LoadReportOptions', table: loadReportTable },
  { title: 'queue', file: 'overload/queue-options.ts', type: 'QueueOptions', table: queueTable },
  { title: 'throttle', file: 'overload/client-throttle.ts', type: 'ThrottleOptions', table: throttleTable },
  { title: 'lb.execute()', file: 'call/execute-options.ts', type: 'ExecuteOptions', table: executeTable },
  { title: 'RoundRobinBalancer', file: 'balancer/round-robin.ts', type: 'RoundRobinOptions', table: roundRobinTable },
  {
    title: 'SmoothWeightedRoundRobinBalancer',
    file: 'balancer/smooth-weighted/smooth-weighted-round-robin.ts',
    type: 'SmoothWeightedRoundRobinOptions',
    table: smoothWeightedTable,
  },
  { title: 'GroupedBalancer', file: 'balancer/grouped.ts', type: 'GroupedOptions', table: groupedTable },
  { title: 'RandomBalancer', file: 'balancer/random.ts', type: 'RandomOptions', table: randomTable },
  {
    title: 'LeastRequestBalancer',
    file: 'balancer/load-aware/least-request.ts',
    type: 'LeastRequestOptions',
    table: leastRequestTable,
  },
  {
    title: 'PeakEwmaBalancer',
    file: 'balancer/load-aware/peak-ewma.ts',
    type: 'PeakEwmaOptions',
    table: peakEwmaTable,
  },
  { title: 'RingHashBalancer', file: 'balancer/hashing/ring-hash.ts', type: 'RingHashOptions', table: ringHashTable },
  { title: 'MaglevBalancer', file: 'balancer/hashing/maglev.ts', type: 'MaglevOptions', table: maglevTable },
]

/** The options that the interface of a section itself declares, in its order. */
export function documentedOptions({ file, type }: Section): Documented[] {
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
