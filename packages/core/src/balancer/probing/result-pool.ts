import type { Random } from '../../base/random.ts'
import type { ServiceInstance } from '../../instance/instance.ts'

/** What is known of one instance, and what became of it since. */
export interface PooledResult {
  readonly instance: ServiceInstance
  /** Its weight in parts of the mean. */
  readonly weight: number
  readonly inFlight: number
  readonly latencyMs: number
  readonly atMs: number
  /** Requests that this client sent there since. */
  sent: number
  usesLeft: number
}

export interface ResultPoolOptions {
  readonly poolSize: number
  readonly maxAgeMs: number
  readonly hotQuantile: number
  readonly random: Random
}

/** How many reports the threshold is taken from. */
const reports = 64

/**
 * The last results of probes: one for each instance, at most `size`, none older than `maxAgeMs`. An instance is hot if its
 * requests in flight are above the quantile of what was reported lately. Of the cold ones the fastest is the best; if all are
 * hot, the one with the fewest requests in flight is. Requests that this client sent since count as well.
 *
 * Source: B. Wydrowski et al., "Load is not what you should balance: introducing Prequal" (NSDI 2024).
 */
export class ResultPool {
  readonly results: PooledResult[] = []
  /** Whether every instance has a result. */
  isComplete = false
  readonly #random: Random
  readonly #size: number
  readonly #maxAgeMs: number
  readonly #quantile: number
  /** The last reports of requests in flight for the weight, in turn. */
  readonly #reported: number[] = []
  #next = 0
  #hotAbove = Number.POSITIVE_INFINITY
  #removesWorst = false

  constructor(options: ResultPoolOptions) {
    this.#random = options.random
    this.#size = options.poolSize
    this.#maxAgeMs = options.maxAgeMs
    this.#quantile = options.hotQuantile
  }

  /** What counts as hot: above it. */
  get hotAbove(): number {
    return this.#hotAbove
  }

  add(result: PooledResult): void {
    this.forget(({ instance }) => instance.id === result.instance.id)
    if (this.results.length >= this.#size) this.results.shift()
    this.results.push(result)
  }

  /** Takes a report into account for what counts as hot. */
  report(load: number): void {
    this.#reported[this.#next] = load
    this.#next = (this.#next + 1) % reports
    const sorted = this.#reported.toSorted((a, b) => a - b)
    this.#hotAbove = sorted[Math.min(sorted.length - 1, Math.floor(this.#quantile * sorted.length))] ?? 0
  }

  forget(isGone: (result: PooledResult) => boolean): void {
    for (let index = this.results.length - 1; index >= 0; index--) {
      const result = this.results[index]
      if (result !== undefined && isGone(result)) this.results.splice(index, 1)
    }
  }

  /** Removes what is too old. */
  expire(nowMs: number): void {
    while (this.results.length > 0 && nowMs - (this.results[0]?.atMs ?? 0) > this.#maxAgeMs) this.results.shift()
  }

  /** Whether there are at least `count` that are not older than `ageMs`: they stand at the end. */
  hasYounger(count: number, ageMs: number, nowMs: number): boolean {
    const result = this.results[this.results.length - count]
    return result !== undefined && nowMs - result.atMs <= ageMs
  }

  /**
   * The best of those that `avoid` leaves; of several, any. The requests in flight of a result from before `freshSinceMs`
   * are others by now: what it says of the latency counts, but as no less than `usualMs`.
   */
  best(freshSinceMs: number, usualMs: number, avoid: ReadonlySet<string> | undefined): PooledResult | undefined {
    let best: PooledResult | undefined
    let least = Number.POSITIVE_INFINITY
    let isHot = true
    let tied = 0
    for (let index = 0; index < this.results.length; index++) {
      const result = this.results[index]
      if (result === undefined || avoid?.has(result.instance.id) === true) continue
      const load = loadOf(result)
      const hot = load > this.#hotAbove
      if (hot && !isHot) continue
      const latencyMs = latencyOf(result)
      const cost = hot ? load : result.atMs >= freshSinceMs ? latencyMs : Math.max(latencyMs, usualMs)
      const isTied = hot === isHot && cost === least
      if (hot === isHot && cost > least) continue
      // Those that are probed are drawn by weight already, unless all of them are here.
      const weight = this.isComplete ? result.weight : 1
      tied = isTied ? tied + weight : weight
      if (!isTied || this.#random() * tied < weight) best = result
      least = cost
      isHot = hot
    }
    return best
  }

  /** A request goes to `instance`: its result is used up in part, and another one is removed. */
  use({ id }: ServiceInstance): void {
    for (let index = 0; index < this.results.length; index++) {
      const result = this.results[index]
      if (result === undefined || result.instance.id !== id) continue
      result.sent++
      result.usesLeft--
      if (result.usesLeft <= 0) this.results.splice(index, 1)
      break
    }
    this.#removeOne()
  }

  /** Removes one: the worst and the oldest in turn, so that neither what is bad nor what is old fills the pool. */
  #removeOne(): void {
    this.#removesWorst = !this.#removesWorst
    if (this.results.length < this.#size) return
    let at = 0
    if (this.#removesWorst) {
      for (const [index, result] of this.results.entries()) {
        const worst = this.results[at]
        if (worst !== undefined && this.#isBetter(worst, result)) at = index
      }
    }
    this.results.splice(at, 1)
  }

  #isBetter(a: PooledResult, b: PooledResult): boolean {
    const [loadA, loadB] = [loadOf(a), loadOf(b)]
    const [hotA, hotB] = [loadA > this.#hotAbove, loadB > this.#hotAbove]
    if (hotA !== hotB) return hotB
    return hotA ? loadA < loadB : latencyOf(a) < latencyOf(b)
  }
}

function loadOf({ inFlight, sent, weight }: PooledResult): number {
  return (inFlight + sent) / weight
}

function latencyOf({ inFlight, latencyMs, sent, weight }: PooledResult): number {
  return (latencyMs * (inFlight + 1 + sent / weight)) / (inFlight + 1)
}
