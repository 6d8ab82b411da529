import type { Clock } from '../base/clock.ts'
import {
  checkOptions,
  clockOption,
  durationOption,
  numberOption,
  type OptionTable,
  randomOption,
  withDefaults,
} from '../base/option-table.ts'
import type { Random } from '../base/random.ts'
import { SlidingWindow } from '../base/sliding-window.ts'
import { type CriticalityRank, criticalities, defaultRank } from './criticality.ts'

/** When calls are rejected locally because the service rejects most of them. */
export interface ThrottleOptions {
  /**
   * Requests sent for each accepted one before others are rejected locally, from 1 to 100. A lower ratio rejects
   * sooner, but notices a recovery later.
   * @default 2
   */
  readonly ratio?: number | undefined
  /** How long a request counts, in milliseconds, ≥ 24. @default 120_000 */
  readonly windowMs?: number | undefined
}

const bucketCount = 24

/**
 * Highest probability of a rejection. Without a limit next to nothing is sent to a service that was dead for a window, and
 * since each request accepted makes room for only `ratio` more, it takes some ten windows until all are sent again.
 *
 * Source: Envoy, admission control, default of `max_rejection_probability`.
 */
const maxProbability = 0.8

export const throttleTable: OptionTable<ThrottleOptions> = {
  ratio: numberOption({ min: 1, max: 100, default: 2 }),
  windowMs: durationOption({ min: bucketCount, default: 120_000 }),
}

/**
 * Rejects requests locally while the service rejects most of them, so that it is not kept busy with refusing: each with
 * probability max(0, (requests − ratio × accepts) / (requests + 1)), over a sliding window, and at most 0.8.
 *
 * A service that accepts A requests per second of many more is sent ratio × A, and never less than a fifth of them, which
 * is how its recovery is noticed. A service that accepts more than 1 in `ratio` is never throttled for long.
 *
 * The lowest class is rejected first: a class is spared as long as the rejections of those below it are enough. With requests of one class
 * only, that changes nothing.
 *
 * A request that was sent counts when its end is known, not when it begins: else a burst of requests to a healthy
 * service that did not answer the first of them yet would be rejected. One that its caller gave up need not count at all.
 *
 * Source: Google, "Site Reliability Engineering", chapter 21 "Handling Overload", client-side throttling and criticality.
 */
export class ClientThrottle {
  readonly #window: SlidingWindow
  readonly #random: Random
  readonly #ratio: number
  /** Counts of each part of the window, and their sums. */
  readonly #requests = new Float64Array(bucketCount)
  readonly #accepts = new Float64Array(bucketCount)
  #requestSum = 0
  #acceptSum = 0
  /** How many of each class asked to be sent: counts of each part of the window, class by class, and their sums. */
  readonly #asked = new Float64Array(criticalities.length * bucketCount)
  readonly #askedSums = new Float64Array(criticalities.length)

  /** @throws InvalidOptionError */
  constructor(options: ThrottleOptions & { readonly clock?: Clock | undefined; readonly random?: Random } = {}) {
    const table = { ...throttleTable, clock: clockOption(), random: randomOption() }
    checkOptions('ClientThrottle', options, table)
    const { clock, random, ratio, windowMs } = withDefaults(options, table)
    this.#window = new SlidingWindow(clock, windowMs, bucketCount, (bucket) => this.#empty(bucket))
    this.#random = random
    this.#ratio = ratio
  }

  /** Probability that the next request is rejected, whatever its class. */
  get rejectProbability(): number {
    this.#window.advance()
    return this.#probability()
  }

  /** Whether a request of this class is to be rejected without being sent. One that is counts as a request. */
  shouldReject(rank: CriticalityRank = defaultRank): boolean {
    const bucket = this.#window.advance()
    this.#asked[rank * bucketCount + bucket] = (this.#asked[rank * bucketCount + bucket] ?? 0) + 1
    this.#askedSums[rank] = (this.#askedSums[rank] ?? 0) + 1
    const overall = this.#probability()
    if (overall === 0) return false
    const probability = this.#ofClass(rank, overall)
    // No draw when it cannot matter.
    if (probability === 0 || this.#random() >= probability) return false
    this.#count(bucket)
    return true
  }

  /** The service accepted a request that was sent: it did the work, or refused for a reason of the request's own (4xx). */
  accepted(): void {
    const bucket = this.#window.advance()
    this.#count(bucket)
    this.#accepts[bucket] = (this.#accepts[bucket] ?? 0) + 1
    this.#acceptSum++
  }

  /** The service did not accept a request that was sent: it refused or failed, or gave no answer in time. */
  refused(): void {
    this.#count(this.#window.advance())
  }

  #count(bucket: number): void {
    this.#requests[bucket] = (this.#requests[bucket] ?? 0) + 1
    this.#requestSum++
  }

  #probability(): number {
    const published = (this.#requestSum - this.#ratio * this.#acceptSum) / (this.#requestSum + 1)
    return Math.min(Math.max(0, published), maxProbability)
  }

  /** Of `overall`, what is left for a class when those below it are rejected first. */
  #ofClass(rank: CriticalityRank, overall: number): number {
    const sums = this.#askedSums
    const all = sums.reduce((sum, each) => sum + each, 0)
    const below = sums.subarray(rank + 1).reduce((sum, each) => sum + each, 0)
    const own = sums[rank] ?? 0
    // Exactly `overall` for requests of one class.
    return own === all ? overall : Math.min(Math.max(0, (overall * all - below) / own), 1)
  }

  #empty(bucket: number): void {
    for (let rank = 0; rank < criticalities.length; rank++) {
      const place = rank * bucketCount + bucket
      this.#askedSums[rank] = (this.#askedSums[rank] ?? 0) - (this.#asked[place] ?? 0)
      this.#asked[place] = 0
    }
    this.#requestSum -= this.#requests[bucket] ?? 0
    this.#acceptSum -= this.#accepts[bucket] ?? 0
    this.#requests[bucket] = 0
    this.#accepts[bucket] = 0
  }
}
