import { type Clock, systemClock } from '../base/clock.ts'
import { checkClock, checkDurationMs, checkInteger, checkKeys } from '../base/option-checks.ts'
import { SlidingWindow } from '../base/sliding-window.ts'

export interface LatencyQuantileOptions {
  /** How long a latency counts, in milliseconds, give or take a sixth. Default 60 000. */
  readonly windowMs?: number
  /** Latencies below which nothing is said. Integer in [1, 1 000 000]; default 20: the least of which one in 20 is above the 95 %. */
  readonly minSamples?: number
  readonly clock?: Clock
}

const sliceCount = 6

/** Upper end of a bucket over its lower end. What is within a bucket is at most (1.1 − 1) / (1.1 + 1) = 4.8 % off its middle. */
const growth = 1.1
const logGrowth = Math.log(growth)
/** Bucket 0 takes what is shorter. */
const shortestMs = 0.1
/** 0.1 ms × 1.1^183 = 1.04 h: the last bucket takes what is longer. */
const bucketCount = 184

/**
 * Quantiles of the latencies of the last minute, such as the one after which a request is hedged.
 *
 * A histogram with buckets that grow by 10 %, for each sixth of the window: 5 KiB, whatever the number of requests. The
 * estimate is within 5 % of the exact quantile (the ⌈q × n⌉-th smallest of n) between 0.1 ms and an hour; what is
 * shorter or longer counts as that.
 *
 * Source of the bound: Masson, Rim, Lee, "DDSketch: a fast and fully-mergeable quantile sketch" (2019), logarithmic
 * mapping.
 */
export class LatencyQuantile {
  readonly #window: SlidingWindow
  readonly #minSamples: number
  /** The histograms of the slices, one after the other, and their sum. */
  readonly #slices = new Uint32Array(sliceCount * bucketCount)
  readonly #sum = new Uint32Array(bucketCount)
  #count = 0

  /** @throws InvalidOptionError */
  constructor(options: LatencyQuantileOptions = {}) {
    checkKeys('LatencyQuantile', options, ['windowMs', 'minSamples', 'clock'])
    const { windowMs = 60_000, minSamples = 20, clock = systemClock } = options
    checkDurationMs('LatencyQuantile.windowMs', windowMs, { min: sliceCount })
    checkInteger('LatencyQuantile.minSamples', minSamples, 1, 1_000_000)
    checkClock('LatencyQuantile.clock', clock)
    this.#window = new SlidingWindow(clock, windowMs, sliceCount, (slice) => this.#empty(slice))
    this.#minSamples = minSamples
  }

  /** A request took `latencyMs`. What is no duration (NaN, negative) is left out. */
  observe(latencyMs: number): void {
    if (!(latencyMs >= 0)) return
    const slice = this.#window.advance()
    const bucket = bucketOf(latencyMs)
    const place = slice * bucketCount + bucket
    this.#slices[place] = (this.#slices[place] ?? 0) + 1
    this.#sum[bucket] = (this.#sum[bucket] ?? 0) + 1
    this.#count++
  }

  /** The latency, in milliseconds, that a share `q` in [0, 1] of the requests does not exceed. `undefined`: too few requests. */
  quantile(q: number): number | undefined {
    this.#window.advance()
    if (this.#count < this.#minSamples) return undefined
    // 0.07 × 100 is more than 7 in binary; what is above by rounding must not be the next rank.
    const rank = Math.min(Math.max(1, Math.ceil(q * this.#count - 1e-6)), this.#count)
    let below = 0
    let bucket = 0
    for (; bucket < bucketCount - 1; bucket++) {
      below += this.#sum[bucket] ?? 0
      if (below >= rank) break
    }
    return middleOf(bucket)
  }

  #empty(slice: number): void {
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      const place = slice * bucketCount + bucket
      const count = this.#slices[place] ?? 0
      this.#sum[bucket] = (this.#sum[bucket] ?? 0) - count
      this.#count -= count
      this.#slices[place] = 0
    }
  }
}

/** Bucket `i` holds (0.1 × 1.1^(i − 1), 0.1 × 1.1^i]. */
function bucketOf(latencyMs: number): number {
  const bucket = Math.ceil(Math.log(latencyMs / shortestMs) / logGrowth)
  return Math.min(Math.max(bucket, 0), bucketCount - 1)
}

/** The value whose relative distance to both ends is the same. */
function middleOf(bucket: number): number {
  return (2 * shortestMs * growth ** bucket) / (growth + 1)
}
