import { markdownReport } from '../markdown-report.ts'
import { table } from '../table.ts'
import type { Target } from '../target.ts'
import { type QuietOptions, type QuietResult, quietIntro, quietTable, quietTargets } from './quiet-clients.ts'
import { allScenarios, type Result, type Size } from './runs.ts'
import { type SeededResult, seededIntro, seededTable, seededTargets } from './seeded-scenarios.ts'

export interface Findings {
  readonly size: Size
  readonly defaults: readonly Result[]
  readonly balancers?: readonly Result[]
  readonly variations?: readonly Result[]
  readonly budgets?: readonly Result[]
  readonly large?: readonly Result[]
  readonly quiet?: { readonly options: QuietOptions; readonly results: readonly QuietResult[] }
  readonly seeded?: { readonly seeds: number; readonly results: readonly SeededResult[] } | undefined
}

/** What balancers must reach. */
export function targets({ quiet, seeded }: Findings): Target[] {
  return [
    ...(quiet === undefined ? [] : quietTargets(quiet.results)),
    ...(seeded === undefined ? [] : seededTargets(seeded.results)),
  ]
}

export function report(findings: Findings): string {
  const { size, defaults, balancers = [], variations = [], budgets = [], large = [], quiet, seeded } = findings
  const { clients, instances, seconds, callsPerSecond, seed } = size
  const names = [...new Set([...defaults, ...budgets].map(({ run }) => run.scenario))]
  return markdownReport({
    title: 'What becomes of calls when things go wrong',
    command: 'bench:simulation',
    intro: [
      `Real load balancers in virtual time: ${clients} clients ×`,
      `${instances} instances × ${seconds} s, ${callsPerSecond} calls per second and client, seed ${seed}; half of the capacity is in use when all is well.`,
    ],
    body: [
      '## Every scenario',
      '',
      table(
        columns.map(([title]) => title),
        defaults.map(cells),
        2,
      ),
      '',
      ...section('By balancer', balancers),
      ...section('What single options change', variations),
      ...section('Retries of a fleet', budgets),
      ...section('A large fleet: 1 000 clients × 1 000 instances × 60 s, 5 calls per second and client', large),
      ...(quiet === undefined
        ? []
        : ['## Clients with few calls', '', quietIntro(quiet.options), '', quietTable(quiet.results), '']),
      ...(seeded === undefined
        ? []
        : ['## Balancers beside round robin', '', seededIntro(seeded.seeds), '', seededTable(seeded.results), '']),
      '## What happens',
      '',
      ...names.map((name) => `- ${name}: ${allScenarios[name].description}`),
      '',
      '## Why calls failed',
      '',
      ...[...defaults, ...balancers, ...variations, ...budgets, ...large].map(failureLine),
      '',
    ],
    targets: targets(findings),
    notes,
  })
}

const notes: readonly string[] = [
  'Goodput: successful calls ÷ calls. Worst second: the lowest goodput of the calls that began within one second. Latencies are those of ' +
    'successful calls, with all their attempts and waits. Load: requests received per second of being listed.',
  'An instance serves 4 requests at once, 16 more wait, and the next one gets a 503 at once. Service times are lognormal (p99 = 6.4 × ' +
    'median). The deadline of a call is 25 mean service times; a server does not notice that its caller has given up.',
  'Every call may be repeated, with the default retries and budget. Nothing else is set unless the table says so: no limit on single attempts, no health checks.',
  'The same seed gives the same figures, event for event; only the real time and the memory differ.',
]

type Column = readonly [title: string, cell: (result: Result) => string]

const columns: readonly Column[] = [
  ['', ({ run }) => run.scenario],
  ['options', ({ run }) => run.options],
  ['calls', ({ report: { calls } }) => whole(calls)],
  ['goodput', ({ report: { goodput } }) => percent(goodput)],
  ['per second', ({ report: { succeededPerSecond } }) => whole(succeededPerSecond)],
  ['worst second', ({ report: { seconds } }) => percent(worst(seconds))],
  ['p50 ms', ({ report: { p50Ms } }) => milliseconds(p50Ms)],
  ['p99 ms', ({ report: { p99Ms } }) => milliseconds(p99Ms)],
  ['p99.9 ms', ({ report: { p999Ms } }) => milliseconds(p999Ms)],
  ['max ÷ mean load', ({ report: { loadImbalance } }) => loadImbalance.toFixed(2)],
  ['attempts ÷ calls', ({ report: { amplification } }) => amplification.toFixed(3)],
  ['real s', ({ realSeconds }) => realSeconds.toFixed(1)],
  ['MB so far', ({ maxMegabytes }) => whole(maxMegabytes)],
]

function section(title: string, results: readonly Result[]): string[] {
  if (results.length === 0) return []
  return [
    `## ${title}`,
    '',
    table(
      columns.map(([heading]) => heading),
      results.map(cells),
      2,
    ),
    '',
  ]
}

function cells(result: Result): string[] {
  return columns.map(([, cell]) => cell(result))
}

function failureLine({ run, report: { failures, events } }: Result): string {
  const reasons = Object.entries(failures).map(([reason, count]) => `${whole(count)} × ${reason}`)
  const told = Object.entries(events).map(([type, count]) => `${whole(count)} ${type}`)
  const size = `${run.size.clients} × ${run.size.instances}`
  return `- ${run.scenario}, ${run.options}, ${size}: ${reasons.join(', ') || 'none'} (events: ${told.join(', ')})`
}

function worst(seconds: Result['report']['seconds']): number {
  return seconds.reduce((least, { calls, succeeded }) => (calls === 0 ? least : Math.min(least, succeeded / calls)), 1)
}

function percent(ratio: number): string {
  return `${(100 * ratio).toFixed(2)} %`
}

function milliseconds(value: number): string {
  return Number.isFinite(value) ? value.toFixed(value < 100 ? 1 : 0) : '–'
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en').replaceAll(',', ' ')
}
