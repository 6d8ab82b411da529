import type { CancelTimer, Clock, TimerOptions } from '../../src/index.ts'

/** A clock that knows how many of the timers it gave are left. */
export class CountedClock implements Clock {
  readonly #clock: Clock
  readonly #left = new Set<object>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get left(): number {
    return this.#left.size
  }

  now(): number {
    return this.#clock.now()
  }

  setTimeout(callback: () => void, delayMs: number, options?: TimerOptions): CancelTimer {
    const timer = {}
    this.#left.add(timer)
    const cancel = this.#clock.setTimeout(
      () => {
        this.#left.delete(timer)
        callback()
      },
      delayMs,
      options,
    )
    return () => {
      this.#left.delete(timer)
      cancel()
    }
  }
}
