import type { Clock } from '@lb/core'

const burst = 2
const minIntervalMs = 1_000
/** What part of the time for which a service has been changing a further change may wait. */
const partOfChurn = 1 / 15

/**
 * A token bucket for the turns of a loop of blocking queries. Two go at once, so that usual changes are never held up. While a service
 * goes on changing, a token comes back in a fifteenth of the time for which it has done so, in [1 s, `maxIntervalMs`]: a burst of up to 30 s is
 * known within 2 s of its end, and a service that changes all the time is asked for once in `maxIntervalMs`. A bucket that got full again
 * starts anew.
 *
 * Source: Consul, API documentation, "Blocking Queries": a token bucket with a burst of 2 that ends in polling "say every 15 seconds".
 * That it gets there step by step is ours.
 */
export class ChurnLimiter {
  readonly #clock: Clock
  readonly #maxIntervalMs: number
  #intervalMs: number
  #tokens = burst
  #countedAtMs: number
  /** Since when the bucket has not been full. */
  #churnSinceMs: number

  constructor(clock: Clock, maxIntervalMs: number) {
    this.#clock = clock
    this.#maxIntervalMs = maxIntervalMs
    this.#intervalMs = Math.min(minIntervalMs, maxIntervalMs)
    this.#countedAtMs = clock.now()
    this.#churnSinceMs = this.#countedAtMs
  }

  /** Takes a token, and gives how many milliseconds to wait until it is there. */
  take(): number {
    const now = this.#clock.now()
    // Negative while the token of an earlier turn is still to come.
    const elapsedMs = now - this.#countedAtMs
    this.#tokens = Math.min(burst, this.#tokens + elapsedMs / this.#intervalMs)
    this.#countedAtMs = now
    if (this.#tokens >= burst) this.#churnSinceMs = now
    const churnMs = (now - this.#churnSinceMs) * partOfChurn
    this.#intervalMs = Math.min(this.#maxIntervalMs, Math.max(minIntervalMs, churnMs))
    if (this.#tokens >= 1) {
      this.#tokens--
      return 0
    }
    const waitMs = (1 - this.#tokens) * this.#intervalMs
    this.#tokens = 0
    this.#countedAtMs = now + waitMs
    return waitMs
  }
}
