/** One instance of ten is ten times slower; every instance serves a few requests at once, and the others wait. */
export const instanceCount = 10
export const slowdown = 10
/** Mean time to serve a request, in milliseconds. */
export const serviceMs = 10
/** Requests that an instance serves at once. */
export const concurrency = 4
/** Of all instances together: a quarter of what an instance that is not slow can do. */
export const requestsPerSecond = 1_000

/** What a caller saw with one balancer. */
export interface TailResult {
  readonly balancer: string
  readonly requests: number
  readonly failures: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  /** Part of the requests that went to the slow instance; `undefined` where that is not known. */
  readonly slowShare: number | undefined
}

/** The `q`-quantile of latencies that are sorted. */
export function quantile(sorted: Float64Array, q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN
}
