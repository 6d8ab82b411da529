import { markdownReport } from '../markdown-report.ts'
import { ratioText } from '../number-text.ts'
import {
  type QuietOptions,
  type QuietResult,
  quietIntro,
  quietTable,
  quietTargets,
} from '../simulation/quiet-clients.ts'
import { table } from '../table.ts'
import { lowerIsBetter, type Target } from '../target.ts'
import { concurrency, instanceCount, requestsPerSecond, serviceMs, slowdown, type TailResult } from './load.ts'

/** Most p99 of a load-aware balancer, in parts of round robin's. */
const targetRatio = 0.3
const judged = ['least-request', 'peak-ewma']

export interface TailTable {
  readonly title: string
  /** Whether the target holds for it. Default true. */
  readonly judged?: boolean
  readonly results: readonly TailResult[]
}

/** Both load-aware balancers keep the tail short in every table that is judged. */
export function targets(tables: readonly TailTable[]): Target[] {
  return tables
    .filter((each) => each.judged !== false)
    .flatMap(({ title, results }) => {
      const worst = results.find(({ balancer }) => balancer === 'round-robin')?.p99Ms ?? Number.NaN
      return judged.map((name) => {
        const found = results.find(({ balancer }) => balancer === name)
        const ratio = (found?.p99Ms ?? Number.NaN) / worst
        return {
          text: `${title}: p99 of ${name} ≤ ${targetRatio} × round robin, and none failed`,
          met: ratio <= targetRatio && found?.failures === 0,
          evidence: `${ratio.toFixed(3)} ×, ${found?.failures} failed`,
          ratio: lowerIsBetter(ratio),
        }
      })
    })
}

/** The table of clients with few calls. */
export interface QuietTable {
  readonly options: QuietOptions
  readonly results: readonly QuietResult[]
}

export function report(tables: readonly TailTable[], seconds: number, quiet: QuietTable): string {
  return markdownReport({
    title: 'One of ten instances is ten times slower',
    command: 'bench:tail',
    intro: [
      `${instanceCount} instances serve ${concurrency} requests at a time, exponential with a mean of`,
      `${serviceMs} ms, one of them ${slowdown * serviceMs} ms; ${requestsPerSecond} requests per second for ${seconds} s, sent at their time whatever the answers take. Retries and`,
      `ejection are off: the balancer alone decides. Ratios are of p99; the floor is p99 of the service time of an instance that is not slow, ${floorMs.toFixed(1)} ms.`,
    ],
    body: [
      ...tables.flatMap(({ title, results }) => [`## ${title}`, '', rows(results), '']),
      '## Virtual time, clients with few calls',
      '',
      quietIntro(quiet.options),
      '',
      quietTable(quiet.results),
      '',
    ],
    targets: [...targets(tables), ...quietTargets(quiet.results)],
    notes: [
      'With a share of a tenth the slow instance gets two and a half times what it can serve, and its queue grows for as long as the load lasts: that is the p99 of a balancer that ignores load.',
      'In the last table no request waits. The choice between two random instances still sends more than 1 % to the slow instance, and so its service time is the p99; peak EWMA sends less.',
      'A client knows only its own requests in flight: spread over many clients, least request sees less, and peak EWMA, which looks at latencies, keeps its advantage.',
    ],
  })
}

/** No balancer can do better than the instances that are not slow: p99 of their service time, without any wait. */
const floorMs = -Math.log(0.01) * serviceMs

function rows(results: readonly TailResult[]): string {
  const p99Of = (name: string): number => results.find(({ balancer }) => balancer === name)?.p99Ms ?? Number.NaN
  const ratioTo = (p99Ms: number, referenceMs: number): string =>
    Number.isNaN(referenceMs) ? '–' : (p99Ms / referenceMs).toFixed(3)
  return table(
    [
      'balancer',
      'p50 ms',
      'p99 ms',
      '× round robin',
      '× undici BalancedPool',
      '× floor',
      'p99.9 ms',
      'to the slow one',
      'failed',
    ],
    results.map(({ balancer, p50Ms, p99Ms, p999Ms, slowShare, failures }) => [
      balancer,
      p50Ms.toFixed(1),
      p99Ms.toFixed(1),
      ratioTo(p99Ms, p99Of('round-robin')),
      ratioTo(p99Ms, p99Of('undici BalancedPool')),
      ratioText(p99Ms / floorMs),
      p999Ms.toFixed(1),
      slowShare === undefined ? '–' : `${(100 * slowShare).toFixed(2)} %`,
      String(failures),
    ]),
  )
}
