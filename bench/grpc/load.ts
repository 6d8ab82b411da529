import { quantile } from '../spread.ts'
import type { Contender } from './contenders.ts'
import { path } from './method.ts'

/** What a load came to. */
export interface LoadResult {
  readonly callsPerSecond: number
  /** CPU time of this process for each call. */
  readonly cpuMicroseconds: number
  readonly failed: number
  readonly calls: number
  readonly p99Ms: number
  /** Share of the calls that took as long as those of the slow server. */
  readonly slowShare: number
}

/** Milliseconds that a server takes where one is slow: much longer than a garbage collection of the client, which holds up every call. */
export const usualMs = 20
/** Milliseconds that the slow server takes. */
export const slowMs: number = 10 * usualMs

const bytes = (value: Buffer): Buffer => value
const request = Buffer.from('hello')

/** One call. Resolves to whether it succeeded. */
export function call({ client }: Contender): Promise<boolean> {
  return new Promise((resolve) => {
    const deadline = Date.now() + 5_000
    client.makeUnaryRequest(path, bytes, bytes, request, { deadline }, (error) => resolve(error === null))
  })
}

/** So many callers that each wait for their call. */
export interface LoadOrder {
  readonly callers: number
  readonly seconds: number
}

/** `onHalf` is called in the middle of the time. */
export async function load(
  contender: Contender,
  { callers, seconds }: LoadOrder,
  onHalf?: () => unknown,
): Promise<LoadResult> {
  const latencies: number[] = []
  let failed = 0
  const startMs = performance.now()
  const endMs = startMs + seconds * 1_000
  const cpu = process.cpuUsage()
  const half = onHalf === undefined ? undefined : setTimeout(onHalf, seconds * 500)
  await Promise.all(
    Array.from({ length: callers }, async () => {
      for (let now = performance.now(); now < endMs; ) {
        if (!(await call(contender))) failed++
        const next = performance.now()
        latencies.push(next - now)
        now = next
      }
    }),
  )
  clearTimeout(half)
  const { user, system } = process.cpuUsage(cpu)
  const calls = latencies.length
  return {
    callsPerSecond: calls / ((performance.now() - startMs) / 1_000),
    cpuMicroseconds: (user + system) / calls,
    failed,
    calls,
    slowShare: latencies.filter((latency) => latency >= slowMs).length / calls,
    p99Ms: quantile(Float64Array.from(latencies).sort(), 0.99),
  }
}
