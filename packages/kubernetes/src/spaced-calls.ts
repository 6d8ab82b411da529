import type { CancelTimer, Clock } from '@lb/core'

/** Calls a function when that is asked for: at once, and then at most once in each `everyMs`, so that bursts become one call. */
export class SpacedCalls {
  readonly #call: () => void
  readonly #everyMs: number
  readonly #clock: Clock
  #isDue = false
  #cancelTimer: CancelTimer | undefined

  constructor(call: () => void, everyMs: number, clock: Clock) {
    this.#call = call
    this.#everyMs = everyMs
    this.#clock = clock
  }

  request(): void {
    if (this.#cancelTimer === undefined) this.#callNow()
    else this.#isDue = true
  }

  /** Makes the call that is due, if one is, and ends the timer. */
  end(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    if (!this.#isDue) return
    this.#isDue = false
    this.#call()
  }

  #callNow(): void {
    this.#isDue = false
    this.#cancelTimer = this.#clock.setTimeout(() => this.#elapsed(), this.#everyMs, { background: true })
    this.#call()
  }

  #elapsed(): void {
    this.#cancelTimer = undefined
    if (this.#isDue) this.#callNow()
  }
}
