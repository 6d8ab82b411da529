import type { Clock } from '@lb/core'

/** Bounds how often something may happen: `burst` times at once, and `perSecond` times a second for as long as it likes. */
export class TokenBucket {
  readonly #burst: number
  readonly #perSecond: number
  readonly #clock: Clock
  #tokens: number
  #atMs: number

  constructor(clock: Clock, { burst, perSecond }: { burst: number; perSecond: number }) {
    this.#burst = burst
    this.#perSecond = perSecond
    this.#clock = clock
    this.#tokens = burst
    this.#atMs = clock.now()
  }

  /** Whether it may happen once more now. */
  take(): boolean {
    const nowMs = this.#clock.now()
    this.#tokens = Math.min(this.#burst, this.#tokens + ((nowMs - this.#atMs) / 1_000) * this.#perSecond)
    this.#atMs = nowMs
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}
