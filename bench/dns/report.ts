import { markdownReport } from '../markdown-report.ts'
import { numberText, ratioText, spreadText } from '../number-text.ts'
import { pairedRatio, quantile, spreadOf } from '../spread.ts'
import { table } from '../table.ts'
import type { Target } from '../target.ts'
import type { ChangeTimes } from './changes.ts'
import { type LookupCost, lookupFloor, lookupPeer } from './lookups.ts'
import type { RefreshCost } from './refreshes.ts'

export interface Findings {
  readonly changes: readonly ChangeTimes[]
  readonly refreshes: readonly RefreshCost[]
  readonly lookups: readonly LookupCost[]
}

/** Whether every change reached a request within the time to live and a second; a cache adds its own time to live. */
function meetsTarget({ ttlSeconds, cached, milliseconds }: ChangeTimes): boolean {
  return Math.max(...milliseconds) <= 1_000 * (ttlSeconds + 1) + (cached ? 1_000 : 0)
}

export function report(found: Findings): string {
  const { changes, refreshes, lookups } = found
  return markdownReport({
    title: 'Following DNS',
    command: 'bench:dns',
    intro: [
      `A server on loopback in a process of its own; load balancers with default options.`,
      '"Cached": the server behaves as a caching resolver, whose times to live count down and which has a change when they are over.',
    ],
    body: [
      '## From the change of a record to the first request on the new instance',
      '',
      table(
        ['time to live', 'server', 'changes', 'median ms', '× floor', 'p90 ms', 'max ms', 'at most'],
        changes.map((change) => changeRow(change)),
        2,
      ),
      '',
      'A resolver in between may have asked just before the change; and it counts whole seconds. The floor is half the time to live: what asking again when it is over gives on average.',
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
        3,
      ),
      '',
      '## CPU of one lookup',
      '',
      'CPU µs of the client, 50 lookups at a time. Median (quartiles).',
      '',
      lookupTable(lookups),
      '',
    ],
    targets: targets(found),
    notes,
  })
}

const notes: readonly string[] = [
  'A refresh comes up to a fifth before the time to live is over. A cache then answers with what is left, and is asked again: that is why it gets more queries, all of which it ' +
    'answers by itself.',
  'CPU and memory are those of the client: lookup, comparison with the last list, timers. The heap is what 1 000 services add, after a collection; ' +
    'resident is the whole process, mostly room that V8 keeps between collections: it does not grow from one row to the next.',
  'A time to live above 30 s is refreshed every 30 s.',
  'One lookup: DnsSrvDiscovery opens a socket with a port by chance for each query, so that answers are hard to forge, and reads addresses from the same answer; node:dns hands out no ' +
    'additional records, and so asks twice. The floor sends a query that is ready on one socket, and does not read the answer.',
]

export function targets({ changes }: Findings): Target[] {
  return changes
    .filter(({ cached }) => !cached)
    .map((change) => ({
      text: `time to live ${change.ttlSeconds} s, asked itself: every change within that and a second`,
      met: meetsTarget(change),
      evidence: `at most ${whole(Math.max(...change.milliseconds))} ms`,
    }))
}

function lookupTable(lookups: readonly LookupCost[]): string {
  const of = (name: string): readonly number[] => lookups.find((each) => each.name === name)?.cpuUs ?? []
  return table(
    ['', 'CPU µs', '× node:dns', '× floor'],
    lookups.map(({ name, cpuUs }) => [
      name,
      spreadText(spreadOf(cpuUs)),
      ratioText(pairedRatio(cpuUs, of(lookupPeer))),
      ratioText(pairedRatio(cpuUs, of(lookupFloor))),
    ]),
  )
}

function changeRow(change: ChangeTimes): string[] {
  const sorted = change.milliseconds.toSorted((left, right) => left - right)
  const limit = change.cached ? `${change.ttlSeconds + 2} s` : `${change.ttlSeconds + 1} s`
  return [
    `${change.ttlSeconds} s`,
    change.cached ? 'cached' : 'asked itself',
    String(sorted.length),
    whole(quantile(sorted, 0.5)),
    ratioText(quantile(sorted, 0.5) / (500 * change.ttlSeconds)),
    whole(quantile(sorted, 0.9)),
    whole(sorted.at(-1) ?? Number.NaN),
    `${limit} ${meetsTarget(change) ? '✔' : '✘'}`,
  ]
}

function refreshRow(cost: RefreshCost): string[] {
  return [
    `${numberText(cost.services)} × ${cost.instances}`,
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

function whole(value: number): string {
  return Math.round(value).toString()
}
