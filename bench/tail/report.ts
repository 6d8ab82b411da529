import { availableParallelism } from 'node:os'
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

/** Whether both load-aware balancers keep the tail short in every table. */
export function meetsTarget({ results }: TailTable): boolean {
  const worst = results.find(({ balancer }) => balancer === 'round-robin')?.p99Ms ?? Number.NaN
  return judged.every((name) => {
    const found = results.find(({ balancer }) => balancer === name)
    return found !== undefined && found.failures === 0 && found.p99Ms <= targetRatio * worst
  })
}

/** The findings as Markdown that also reads well in a terminal. */
export function report(tables: readonly TailTable[], seconds: number): string {
  return [
    '# One of ten instances is ten times slower',
    '',
    `\`pnpm bench:tail\`, Node ${process.versions.node}, ${availableParallelism()} shared cores. ${instanceCount} instances serve ${concurrency} requests at a time, exponential with a mean of`,
    `${serviceMs} ms, one of them ${slowdown * serviceMs} ms; ${requestsPerSecond} requests per second for ${seconds} s, sent at their time whatever the answers take. Retries and`,
    'ejection are off: the balancer alone decides. Ratios are to round robin in the same table.',
    '',
    ...tables.flatMap((table) => [`## ${table.title}`, '', ...rows(table.results), '']),
    `Target: p99 of ${judged.join(' and ')} at most ${targetRatio} × that of round robin. ${
      tables.every((table) => table.judged === false || meetsTarget(table))
        ? '✔ met wherever the slow instance cannot serve a tenth of the requests.'
        : '✘ missed.'
    }`,
    '',
    'With a share of a tenth the slow instance gets two and a half times what it can serve, and its queue grows for as long as the load lasts: that is the p99 of whoever does not look.',
    'In the last table nobody waits. The choice between two by chance still sends more than 1 % to the slow instance, and so its service time is the p99; peak EWMA sends less.',
    'A client knows only its own requests in flight: spread over many clients, least request sees less, and peak EWMA, which looks at latencies, keeps its advantage.',
    '',
  ].join('\n')
}

function rows(results: readonly TailResult[]): string[] {
  const base = results.find(({ balancer }) => balancer === 'round-robin')
  return [
    '| balancer | p50 ms | p99 ms | × round robin | p99.9 ms | to the slow one |',
    '| --- | --- | --- | --- | --- | --- |',
    ...results.map(({ balancer, p50Ms, p99Ms, p999Ms, slowShare }) => {
      const ratio = base === undefined ? '' : (p99Ms / base.p99Ms).toFixed(3)
      const share = slowShare === undefined ? '' : `${(100 * slowShare).toFixed(2)} %`
      return `| ${balancer} | ${p50Ms.toFixed(1)} | ${p99Ms.toFixed(1)} | ${ratio} | ${p999Ms.toFixed(1)} | ${share} |`
    }),
  ]
}
