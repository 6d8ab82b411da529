import { availableParallelism } from 'node:os'
import type { ChangeTimes } from './changes.ts'
import type { RefreshCost } from './refreshes.ts'

export interface Findings {
  readonly changes: readonly ChangeTimes[]
  readonly refreshes: readonly RefreshCost[]
}

/** Whether every change reached a request within the time to live and a second; a cache adds its own time to live. */
function meetsTarget({ ttlSeconds, cached, milliseconds }: ChangeTimes): boolean {
  return Math.max(...milliseconds) <= 1_000 * (ttlSeconds + 1) + (cached ? 1_000 : 0)
}

/** The findings as Markdown that also reads well in a terminal. */
export function report({ changes, refreshes }: Findings): string {
  const direct = changes.filter(({ cached }) => !cached)
  return [
    '# Following DNS',
    '',
    `\`pnpm bench:dns\`, Node ${process.versions.node}, ${availableParallelism()} shared cores. A server on loopback in a process of its own; load balancers with default options.`,
    '"Cached": the server behaves as a caching resolver, whose times to live count down and which has a change when they are over.',
    '',
    '## From the change of a record to the first request on the new instance',
    '',
    table(
      ['time to live', 'server', 'changes', 'median ms', 'p90 ms', 'max ms', 'at most'],
      changes.map((change) => changeRow(change)),
    ),
    '',
    `Target: the time to live and a second, when the server itself is asked: ${direct.every(meetsTarget) ? '✔ met.' : '✘ missed.'} A resolver in between may have asked just`,
    'before the change; and it counts whole seconds.',
    '',
    '## Many services at once',
    '',
    table(
      [
        'services × instances',
        'time to live',
        'server',
        'first lists ms',
        'queries per minute and service',
        'CPU, % of a core',
        'heap MB',
        'resident MB',
        'failures',
      ],
      refreshes.map((cost) => refreshRow(cost)),
    ),
    '',
    ...notes.map((note) => `- ${note}`),
    '',
  ].join('\n')
}

const notes: readonly string[] = [
  'A refresh comes up to a fifth before the time to live is over. A cache then answers with what is left, and is asked again: that is why it gets more queries, all of which it ' +
    'answers by itself.',
  'CPU and memory are those of the client: lookup, comparison with the last list, timers. The heap is what 1 000 services add, after a collection; ' +
    'resident is the whole process, mostly room that V8 keeps between collections: it does not grow from one row to the next.',
  'A time to live above 30 s is refreshed every 30 s.',
]

function changeRow(change: ChangeTimes): string[] {
  const sorted = change.milliseconds.toSorted((left, right) => left - right)
  const limit = change.cached ? `${change.ttlSeconds + 2} s` : `${change.ttlSeconds + 1} s`
  return [
    `${change.ttlSeconds} s`,
    change.cached ? 'cached' : 'asked itself',
    String(sorted.length),
    whole(quantile(sorted, 0.5)),
    whole(quantile(sorted, 0.9)),
    whole(sorted.at(-1) ?? Number.NaN),
    `${limit} ${meetsTarget(change) ? '✔' : '✘'}`,
  ]
}

function refreshRow(cost: RefreshCost): string[] {
  return [
    `${cost.services} × ${cost.instances}`,
    `${cost.ttlSeconds} s`,
    cost.cached ? 'cached' : 'asked itself',
    whole(cost.readyMs),
    cost.queriesPerMinuteAndService.toFixed(1),
    cost.cpuPercent.toFixed(1),
    cost.heapMegabytes.toFixed(1),
    whole(cost.residentMegabytes),
    String(cost.failures),
  ]
}

function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN
}

function whole(value: number): string {
  return Math.round(value).toString()
}

/** The first two columns to the left, the others to the right. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0), 3))
  const pad = (cell: string, column: number): string =>
    column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)
  const line = (row: readonly string[]): string => `| ${row.map(pad).join(' | ')} |`
  const rule = widths.map((width, column) => (column < 2 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  return [line(head), line(rule), ...rows.map(line)].join('\n')
}
