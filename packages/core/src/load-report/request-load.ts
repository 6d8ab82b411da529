/** Numbers of requests in flight beyond this are one. */
const levels = 64
/** How much the last response counts. */
const share = 1 / 8
/** Latencies older than this, in milliseconds, count only if there are no others. */
const forgetMs = 10_000

/**
 * The requests in flight in a server, and the latency of those that came while about as many were in flight: so a probe can be
 * answered with what a request that arrives now may expect. Everything takes constant time.
 *
 * Source: Prequal (NSDI 2024), which reports the latency at the current number of requests in flight.
 */
export class RequestLoad {
  /** Requests in flight. */
  inFlight = 0
  readonly #latenciesMs = new Float64Array(levels)
  readonly #atMs = new Float64Array(levels).fill(Number.NEGATIVE_INFINITY)

  /** A request arrives; gives the number of those before it, which is its level. */
  started(): number {
    return this.inFlight++
  }

  /** The request that arrived at `level` was answered. */
  finished(level: number, latencyMs: number, nowMs: number): void {
    this.inFlight--
    const at = Math.min(levels - 1, level)
    const before = this.#latenciesMs[at] ?? 0
    const isKnown = nowMs - (this.#atMs[at] ?? 0) < forgetMs
    this.#latenciesMs[at] = isKnown ? before + (latencyMs - before) * share : latencyMs
    this.#atMs[at] = nowMs
  }

  /** A request ended without an answer. */
  dropped(): void {
    this.inFlight--
  }

  /** The latency of a request that arrives now, by the nearest number of requests in flight; `undefined` before the first. */
  latencyMs(nowMs: number): number | undefined {
    const level = Math.min(levels - 1, this.inFlight)
    let oldest: number | undefined
    for (let distance = 0; distance < levels; distance++) {
      for (const at of [level - distance, level + distance]) {
        const atMs = this.#atMs[at] ?? Number.NEGATIVE_INFINITY
        if (nowMs - atMs < forgetMs) return this.#latenciesMs[at]
        if (atMs > Number.NEGATIVE_INFINITY) oldest ??= this.#latenciesMs[at]
      }
    }
    return oldest
  }
}
