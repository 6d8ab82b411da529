import { machine } from '../machine.ts'
import { pairedRatio, spreadOf } from '../spread.ts'
import { table } from '../table.ts'
import { higherIsBetter, lowerIsBetter, type Target, targetLines } from '../target.ts'
import { lbName, roundRobin } from './contenders.ts'
import { type LoadResult, slowMs, usualMs } from './load.ts'

type Results = ReadonlyMap<string, readonly LoadResult[]>

/** Everything that was measured, by the names of the contenders. */
export interface GrpcFigures {
  readonly one: Results
  readonly three: Results
  readonly slow: Results
  readonly killed: Results
  /** Nanoseconds of a pick. */
  readonly picks: ReadonlyMap<string, number>
  readonly seconds: number
  readonly rounds: number
  readonly callers: number
  readonly slowCallers: number
}

const rateRatio = 0.97
const tailRatio = 0.3
const lbSlow = `${lbName} peak-ewma`

const column = (results: Results, name: string, of: (result: LoadResult) => number): number[] =>
  (results.get(name) ?? []).map(of)

const rates = (results: Results, name: string): number[] => column(results, name, (each) => each.callsPerSecond)
const tails = (results: Results, name: string): number[] => column(results, name, (each) => each.p99Ms)

/** What is aimed at. */
export function targets({ one, three, slow, killed }: GrpcFigures): Target[] {
  const failed = column(killed, lbName, (each) => each.failed).reduce((sum, each) => sum + each, 0)
  const tail = pairedRatio(tails(slow, lbSlow), tails(slow, roundRobin))
  return [
    rateTarget('one server', one),
    rateTarget('three servers', three),
    { text: 'no idempotent call fails when one of three servers is killed', met: failed === 0, evidence: `${failed}` },
    {
      text: `with one of ten servers slow, the 99th percentile is at most ${tailRatio} times that of round_robin`,
      met: tail <= tailRatio,
      evidence: tail.toFixed(2),
      ratio: lowerIsBetter(tail),
    },
  ]
}

function rateTarget(what: string, results: Results): Target {
  const ratio = pairedRatio(rates(results, lbName), rates(results, roundRobin))
  return {
    text: `${what}: at least ${rateRatio} times the calls of round_robin`,
    met: ratio >= rateRatio,
    evidence: ratio.toFixed(3),
    ratio: higherIsBetter(ratio),
  }
}

/** A page. */
export function report(figures: GrpcFigures): string {
  const { one, three, slow, killed, picks, seconds, rounds, callers, slowCallers } = figures
  return [
    '# gRPC',
    '',
    `${machine()}. Unary calls of a few bytes to servers of grpc-js in a process of their own. Each client has one, too;`,
    `CPU is that of the client's. ${rounds} interleaved rounds of ${seconds} s each; medians, and the quartiles of the rates.`,
    '',
    ...targetLines(targets(figures)),
    '',
    `## One server, ${callers} callers`,
    '',
    rateTable(one),
    '',
    `## Three servers, ${callers} callers`,
    '',
    rateTable(three),
    '',
    `## One of ten servers takes ${slowMs} ms instead of ${usualMs}, ${slowCallers} callers`,
    '',
    table(
      ['client', 'p99 ms', 'of round_robin', `% of ${slowMs} ms or more`, 'calls/s'],
      Array.from(slow.keys(), (name) => [
        name,
        spreadOf(tails(slow, name)).median.toFixed(1),
        pairedRatio(tails(slow, name), tails(slow, roundRobin)).toFixed(2),
        (100 * spreadOf(column(slow, name, (each) => each.slowShare)).median).toFixed(2),
        spreadOf(rates(slow, name)).median.toFixed(0),
      ]),
    ),
    '',
    'Each of the ten servers is a process of its own. What holds up the client or a server is in the latencies, too: a garbage collection',
    'of the client takes 10 to 20 ms, and counts for every instance in flight. So servers take 20 ms: of 5 ms, most would be the machine.',
    'The second line is the machine alone: what is left if no call goes to the slow server. A turn is three times as long here.',
    '',
    '## One of three servers is killed',
    '',
    table(
      ['client', 'calls', 'failed'],
      Array.from(killed, ([name, [result]]) => [name, `${result?.calls ?? 0}`, `${result?.failed ?? 0}`]),
    ),
    '',
    'lb is told that the method is idempotent; grpc-js alone has no retry policy.',
    '',
    '## All that is done for a call, without the call',
    '',
    'Its configuration, its pick, its filters and its end.',
    '',
    table(
      ['client', 'ns'],
      Array.from(picks, ([name, nanoseconds]) => [name, nanoseconds.toFixed(0)]),
    ),
    '',
  ].join('\n')
}

function rateTable(results: Results): string {
  return table(
    ['client', 'calls/s', 'quartiles', 'CPU µs/call', 'of round_robin'],
    Array.from(results.keys(), (name) => {
      const { median, lower, upper } = spreadOf(rates(results, name))
      return [
        name,
        median.toFixed(0),
        `${lower.toFixed(0)}–${upper.toFixed(0)}`,
        spreadOf(column(results, name, (each) => each.cpuMicroseconds)).median.toFixed(1),
        pairedRatio(rates(results, name), rates(results, roundRobin)).toFixed(3),
      ]
    }),
  )
}
