import type { CancelTimer, Clock } from '@lb/core'

/** While instances come and go by the hundred, a list that is already out of date again is of no use to anybody. */
const betweenMs = 50

/** Tells the first change at once, and those that follow within 50 ms of it together. */
export class ListPacer {
  readonly #clock: Clock
  readonly #tell: () => void
  #toldAtMs = Number.NEGATIVE_INFINITY
  #cancelTimer: CancelTimer | undefined

  constructor(clock: Clock, tell: () => void) {
    this.#clock = clock
    this.#tell = tell
  }

  changed(): void {
    if (this.#cancelTimer !== undefined) return
    const waitMs = this.#toldAtMs + betweenMs - this.#clock.now()
    if (waitMs <= 0) this.#tellNow()
    else this.#cancelTimer = this.#clock.setTimeout(() => this.#tellNow(), waitMs, { background: true })
  }

  /** Tells what is waiting. */
  flush(): void {
    if (this.#cancelTimer !== undefined) this.#tellNow()
  }

  close(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  #tellNow(): void {
    this.close()
    this.#toldAtMs = this.#clock.now()
    this.#tell()
  }
}
