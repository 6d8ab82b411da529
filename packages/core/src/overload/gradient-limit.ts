import type { Clock } from '../base/clock.ts'
import { integerOption, type OptionTable, type OptionValues } from '../base/option-table.ts'
import type { Random } from '../base/random.ts'

/** Bounds of limits on requests in flight that adapt to the latency (`'adaptive'`). */
export interface AdaptiveLimitOptions {
  /** The lowest limit, from 1 to 1 000 000. @default 2 */
  readonly min?: number | undefined
  /** The highest limit, from 1 to 1 000 000; not below `min`. @default 1_000 */
  readonly max?: number | undefined
  /** The limit before anything is known, from 1 to 1 000 000, within `min` and `max`. @default 20 */
  readonly initial?: number | undefined
}

export const adaptiveLimitTable: OptionTable<AdaptiveLimitOptions> = {
  min: integerOption({ min: 1, max: 1_000_000, default: 2 }),
  max: integerOption({ min: 1, max: 1_000_000, default: 1_000 }),
  initial: integerOption({ min: 1, max: 1_000_000, default: 20 }),
}

/** A window is judged once it has so many ends of requests, and lasts so long. */
const windowSize = 20
const windowMs = 100
/** Latencies kept of a window: the last ones. */
const keptLatencies = 64
/** A limit of sheddable calls below this is at its floor. */
const lowestOfSheddable = 1.5
/** How much longer than without load answers may take. */
const tolerance = 1.5
/** The lowest gradient of latencies: with it, the limit settles at 1 / (1 − 0.57)² = 5.4 whatever the latency. */
const lowestGradient = 0.57
const floorOfLatency = 1 / (1 - lowestGradient) ** 2 + 0.5
/** Above this share of refusals (429, 503), there is no headroom. */
const toleratedRefusals = 0.1
/** What a judgement changes of the way to the limit that it finds. */
const gain = 0.5
/** Part of a window's latency that goes into the baseline: as a mean of 600 answers. */
const baselineShare = 1 / 30
/** Time between two measurements of the baseline: half to one and a half of this, or of so many latencies. */
const measureEveryMs = 30_000
const measureEveryLatencies = 100
/** No baseline that grows is shorter, in milliseconds. */
const shortestMs = 0.1
/** A request with less time left than nearly all answers take is not worth sending. */
const usefulQuantile = 0.98

/**
 * A limit on requests in flight that follows the latency: as long as answers come as fast as without load it grows, when they take longer,
 * because requests queue at the other end, it shrinks.
 *
 * Every 20 requests, and not more often than every 100 ms:
 *
 *     gradient = min(1 − refused share, max(0.57, 1.5 × baseline ÷ median latency))
 *     limit    = limit + 0.5 × (limit × gradient + √limit − limit)
 *
 * The square root is the queue that is allowed for, so that the limit grows while it can. It grows only if it was used, by half at least.
 * An attempt that got no answer in time counts as long as it waited. Refusals (429, 503) count as such, not as quick answers.
 *
 * The baseline, what answers take without load, is an average of the windows in which the limit was hardly used. A service that is never
 * without load is measured: at random times, 30 s apart on average, the limit goes down to its square root for the next window. A limit at
 * which latency can push it no lower says nothing of the load: then the baseline doubles, up to the latency.
 *
 * Sheddable calls have a limit of their own within it. It begins at 1 instead of `initial`, has no lowest gradient, and goes down to 1
 * when anything is refused: many clients that share an instance do not see each other, and what all of them may shed must not fill its
 * queue. As long as they may be the cause of a latency, it does not raise the baseline.
 *
 * Sources: Netflix, concurrency-limits, `Gradient2Limit` (headroom, tolerance, growth only if used, long average); Envoy, adaptive
 * concurrency filter (median, square root of the limit as headroom, jittered windows in which the minimum latency is measured); Zhou et al.,
 * "Overload control for scaling WeChat microservices" (DAGOR, SoCC 2018), for a level of admission per class that what the service shows sets.
 */
export class GradientLimit {
  readonly #clock: Clock
  readonly #random: Random
  readonly #min: number
  readonly #max: number
  /** Below it, latency pushes the limit no lower. */
  readonly #floor: number
  #exact: number
  #limit: number
  /** The limit of sheddable calls. */
  #exactOfSheddable = 1
  /** Whether one asked for it in this window. */
  #sheds = false
  readonly #latencies = new Float64Array(keptLatencies)
  #answers = 0
  #refusals = 0
  /** Most requests in flight in this window. */
  #peak = 0
  #windowSinceMs: number
  #baselineMs = 0
  #usualMs = 0
  /** Ends of requests that began before the limit went down for a measurement. */
  #toSkip = 0
  #measuring = false
  #measureAtMs: number

  constructor(bounds: OptionValues<typeof adaptiveLimitTable>, clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
    this.#min = bounds.min
    this.#max = bounds.max
    this.#floor = Math.max(floorOfLatency, bounds.min + 0.5)
    this.#exact = Math.min(bounds.max, Math.max(bounds.min, bounds.initial))
    this.#limit = this.#exact
    this.#windowSinceMs = clock.now()
    this.#measureAtMs = this.#windowSinceMs + this.#pauseMs(0)
  }

  /** Requests that may be in flight. An integer from `min` to `max`. */
  get limit(): number {
    return this.#limit
  }

  /** Requests that may be in flight with a sheddable call. An integer from 1 to `limit`. */
  get limitOfSheddable(): number {
    return Math.min(this.#limit, Math.max(1, Math.floor(this.#exactOfSheddable)))
  }

  /** A sheddable call wants to be sent. Hot. */
  sheddableAsked(): void {
    this.#sheds = true
  }

  /** What answers take without load, in milliseconds; 0: not known yet. */
  get baselineMs(): number {
    return this.#baselineMs
  }

  /** What nearly all answers took lately, in milliseconds: with less time left, a request is not worth sending. 0: not known yet. */
  get usualMs(): number {
    return this.#usualMs
  }

  /** An answer came, or nothing came for so long. `inFlight`: with this request. Hot. */
  answered(latencyMs: number, inFlight: number): void {
    if (this.#isSkipped()) return
    this.#latencies[this.#answers++ % keptLatencies] = latencyMs
    this.#count(inFlight)
  }

  /** The request was refused because of the load. `inFlight`: with this request. */
  refused(inFlight: number): void {
    if (this.#isSkipped()) return
    this.#refusals++
    this.#count(inFlight)
  }

  #isSkipped(): boolean {
    if (this.#toSkip === 0) return false
    this.#toSkip--
    if (this.#toSkip === 0) this.#windowSinceMs = this.#clock.now()
    return true
  }

  #count(inFlight: number): void {
    if (inFlight > this.#peak) this.#peak = inFlight
    if (this.#answers + this.#refusals < windowSize) return
    const now = this.#clock.now()
    if (now - this.#windowSinceMs < windowMs) return
    if (this.#measuring) this.#measured(now)
    else this.#judge(now)
    this.#sheds = false
    this.#windowSinceMs = now
    this.#answers = 0
    this.#refusals = 0
    this.#peak = 0
  }

  #judge(now: number): void {
    const refused = this.#refusals / (this.#answers + this.#refusals)
    const latencyMs = this.#median()
    const exact = this.#exact
    const isUsed = this.#peak > exact / 2
    const isUsedBySheddable = this.#sheds && this.#peak > this.#exactOfSheddable / 2
    if (latencyMs !== undefined && this.#refusals === 0) this.#learn(latencyMs, isUsed || isUsedBySheddable, now)
    const unbounded = latencyMs === undefined ? 1 : this.#gradient(latencyMs)
    const ofLatency = Math.max(lowestGradient, unbounded)
    if (isUsedBySheddable) this.#setOfSheddable(this.#refusals > 0 ? 0 : unbounded)
    const gradient = Math.min(ofLatency, 1 - refused)
    const used = Math.min(exact, 2 * this.#peak)
    const next = used * gradient + (refused > toleratedRefusals ? 0 : Math.sqrt(used))
    // A limit that is hardly used does not grow, and latency that it does not cause takes it down only where it is extreme.
    const isExtreme = gradient <= lowestGradient || refused > toleratedRefusals
    if (isUsed || (isExtreme && next < exact)) this.#set(exact + gain * (next - exact))
    if (!isUsed || latencyMs === undefined) return
    if (ofLatency === lowestGradient && exact < this.#floor && !this.#isShedding)
      this.#baselineMs = Math.min(Math.max(2 * this.#baselineMs, shortestMs), latencyMs)
    else if (now >= this.#measureAtMs) this.#measure()
  }

  /** Whether the latency may be due to sheddable calls, this client's and those of others: then it says nothing of the baseline. */
  get #isShedding(): boolean {
    return this.#sheds && this.#exactOfSheddable >= lowestOfSheddable
  }

  #gradient(latencyMs: number): number {
    if (this.#baselineMs === 0 || latencyMs === 0) return 1
    return Math.min(1, (tolerance * this.#baselineMs) / latencyMs)
  }

  #learn(latencyMs: number, isUsed: boolean, now: number): void {
    if (this.#baselineMs === 0) {
      this.#baselineMs = latencyMs
      // It may have been measured under load.
      if (isUsed) this.#measureAtMs = now
    } else if (!isUsed || latencyMs < this.#baselineMs) {
      this.#baselineMs += (latencyMs - this.#baselineMs) * baselineShare
    }
  }

  /** For the next window, only so many are in flight that none can have to wait. */
  #measure(): void {
    this.#measuring = true
    this.#toSkip = this.#peak
    this.#limit = Math.max(this.#min, Math.min(this.#limit, Math.floor(Math.sqrt(this.#exact))))
  }

  #measured(now: number): void {
    const latencyMs = this.#median()
    this.#measuring = false
    this.#set(this.#exact)
    this.#measureAtMs = now + this.#pauseMs(latencyMs ?? 0)
    if (latencyMs !== undefined && this.#refusals === 0) {
      this.#baselineMs = Math.min(latencyMs, this.#isShedding ? this.#baselineMs : 2 * this.#baselineMs)
    }
  }

  #pauseMs(latencyMs: number): number {
    return Math.max(measureEveryMs, measureEveryLatencies * latencyMs) * (0.5 + this.#random())
  }

  /** Of the answers of this window. */
  #median(): number | undefined {
    if (this.#answers === 0) return undefined
    const sorted = this.#latencies.subarray(0, Math.min(this.#answers, keptLatencies)).sort()
    this.#usualMs = sorted[Math.floor(usefulQuantile * sorted.length)] ?? 0
    return sorted[Math.floor(sorted.length / 2)]
  }

  /** As the limit, but without a lowest gradient, and with none after a refusal: what is sheddable leaves room before all else. */
  #setOfSheddable(gradient: number): void {
    const exact = this.#exactOfSheddable
    const next = exact * gradient + Math.sqrt(exact)
    this.#exactOfSheddable = Math.min(this.#max, Math.max(1, exact + gain * (next - exact)))
  }

  #set(exact: number): void {
    this.#exact = Math.min(this.#max, Math.max(this.#min, exact))
    this.#limit = Math.round(this.#exact)
  }
}
