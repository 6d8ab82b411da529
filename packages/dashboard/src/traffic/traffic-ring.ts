import type { TrafficPoint } from '../api.ts'
import { bucketCount, bucketOf, quantileMs } from './histogram.ts'

/** What one ring counts: so many points of so many milliseconds. */
export interface RingSpan {
  readonly points: number
  readonly pointMs: number
}

/** What several points sum up to. */
export interface TrafficSum {
  readonly ms: number
  readonly count: number
  readonly failures: number
  readonly p50Ms: number | undefined
  readonly p99Ms: number | undefined
}

/**
 * The last points in time, each with its counts and a histogram of durations. Of fixed size; it turns when something is recorded or read,
 * and needs no timer.
 */
export class TrafficRing {
  readonly #span: RingSpan
  readonly #counts: Uint32Array
  readonly #failures: Uint32Array
  readonly #buckets: Uint32Array
  /** The number of the point that runs now. */
  #current: number
  readonly #first: number

  constructor(span: RingSpan, nowMs: number) {
    this.#span = span
    this.#counts = new Uint32Array(span.points)
    this.#failures = new Uint32Array(span.points)
    this.#buckets = new Uint32Array(span.points * bucketCount)
    this.#current = this.#pointAt(nowMs)
    this.#first = this.#current
  }

  record(nowMs: number, durationMs: number | undefined, failed: boolean): void {
    this.#turn(nowMs)
    const slot = this.#current % this.#span.points
    this.#counts[slot] = (this.#counts[slot] ?? 0) + 1
    if (failed) this.#failures[slot] = (this.#failures[slot] ?? 0) + 1
    if (durationMs === undefined) return
    const bucket = slot * bucketCount + bucketOf(durationMs)
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1
  }

  /** The last `points` points, and what there is of the one that runs now. */
  sum(nowMs: number, points: number): TrafficSum {
    this.#turn(nowMs)
    const { pointMs } = this.#span
    const from = Math.max(this.#first, this.#current - Math.min(points, this.#span.points - 1))
    const merged = new Uint32Array(bucketCount)
    let count = 0
    let failures = 0
    for (let point = from; point <= this.#current; point++) {
      const slot = point % this.#span.points
      count += this.#counts[slot] ?? 0
      failures += this.#failures[slot] ?? 0
      for (let bucket = 0; bucket < bucketCount; bucket++) {
        merged[bucket] = (merged[bucket] ?? 0) + (this.#buckets[slot * bucketCount + bucket] ?? 0)
      }
    }
    const ms = nowMs - from * pointMs
    return { ms, count, failures, p50Ms: quantileMs(merged, 0.5), p99Ms: quantileMs(merged, 0.99) }
  }

  /** How much was recorded in all points. */
  count(nowMs: number): number {
    this.#turn(nowMs)
    return this.#counts.reduce((sum, each) => sum + each, 0)
  }

  /** The points that are over, oldest first. */
  history(nowMs: number): readonly TrafficPoint[] {
    this.#turn(nowMs)
    const { points, pointMs } = this.#span
    const from = Math.max(this.#first, this.#current - points + 1)
    const history: TrafficPoint[] = []
    for (let point = from; point < this.#current; point++) {
      const slot = point % points
      const own = this.#buckets.subarray(slot * bucketCount, (slot + 1) * bucketCount)
      const [p50Ms, p99Ms] = [quantileMs(own, 0.5), quantileMs(own, 0.99)]
      history.push({
        secondsAgo: Math.round(((this.#current - point - 1) * pointMs) / 1_000),
        count: this.#counts[slot] ?? 0,
        failures: this.#failures[slot] ?? 0,
        ...(p50Ms === undefined ? undefined : { p50Ms }),
        ...(p99Ms === undefined ? undefined : { p99Ms }),
      })
    }
    return history
  }

  #pointAt(nowMs: number): number {
    return Math.floor(nowMs / this.#span.pointMs)
  }

  /** Clears the points that lie between the last one that was in use and now. */
  #turn(nowMs: number): void {
    const now = this.#pointAt(nowMs)
    const { points } = this.#span
    for (let point = Math.max(this.#current + 1, now - points + 1); point <= now; point++) {
      const slot = point % points
      this.#counts[slot] = 0
      this.#failures[slot] = 0
      this.#buckets.fill(0, slot * bucketCount, (slot + 1) * bucketCount)
    }
    if (now > this.#current) this.#current = now
  }
}
