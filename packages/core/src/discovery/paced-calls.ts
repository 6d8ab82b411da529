import type { CancelTimer, Clock } from '../base/clock.ts'

/** Calls a function when that is asked for: at once, and then at most once in `paceMs`, so that a burst becomes one call. */
export class PacedCalls {
  readonly #call: () => void
  readonly #paceMs: number
  readonly #clock: Clock
  #calledAtMs = Number.NEGATIVE_INFINITY
  #cancelTimer: CancelTimer | undefined

  constructor(call: () => void, paceMs: number, clock: Clock) {
    this.#call = call
    this.#paceMs = paceMs
    this.#clock = clock
  }

  request(): void {
    if (this.#cancelTimer !== undefined) return
    const waitMs = this.#calledAtMs + this.#paceMs - this.#clock.now()
    if (waitMs <= 0) this.#callNow()
    else this.#cancelTimer = this.#clock.setTimeout(() => this.#callNow(), waitMs, { background: true })
  }

  /** Makes the call that waits, if one does. */
  flush(): void {
    if (this.#cancelTimer !== undefined) this.#callNow()
  }

  /** Drops the call that waits. */
  close(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  #callNow(): void {
    this.close()
    this.#calledAtMs = this.#clock.now()
    this.#call()
  }
}
