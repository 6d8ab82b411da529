import type { Clock } from '@lb/core'

const burst = 2
const minIntervalMs = 1_000

/**
 * A token bucket for the turns of a loop of blocking queries. Two go at once, so that usual changes are never held up. When a service
 * changes all the time, a further one waits, and each that had to wait doubles the time in which a token comes back: 1 s, 2 s, 4 s, up to
 * `maxIntervalMs`. A bucket that got full again starts anew.
 *
 * Source: Consul, API documentation, "Blocking Queries": a token bucket with a burst of 2 that ends in polling "say every 15 seconds".
 * That it gets there by doubling is ours: a rolling update is seen within a few seconds of each step.
 */
export class ChurnLimiter {
  readonly #clock: Clock
  readonly #maxIntervalMs: number
  #intervalMs: number
  #tokens = burst
  #countedAtMs: number

  constructor(clock: Clock, maxIntervalMs: number) {
    this.#clock = clock
    this.#maxIntervalMs = maxIntervalMs
    this.#intervalMs = Math.min(minIntervalMs, maxIntervalMs)
    this.#countedAtMs = clock.now()
  }

  /** Takes a token, and gives how many milliseconds to wait until it is there. */
  take(): number {
    const now = this.#clock.now()
    // Negative while the token of an earlier turn is still to come.
    const elapsedMs = now - this.#countedAtMs
    this.#tokens = Math.min(burst, this.#tokens + elapsedMs / this.#intervalMs)
    this.#countedAtMs = now
    if (this.#tokens >= burst) this.#intervalMs = Math.min(minIntervalMs, this.#maxIntervalMs)
    if (this.#tokens >= 1) {
      this.#tokens--
      return 0
    }
    const waitMs = (1 - this.#tokens) * this.#intervalMs
    this.#tokens = 0
    this.#countedAtMs = now + waitMs
    this.#intervalMs = Math.min(this.#maxIntervalMs, 2 * this.#intervalMs)
    return waitMs
  }
}
