import type { Clock } from './clock.ts'

/** A stretch of time up to now, in slices of equal length that are used over and over. */
export class SlidingWindow {
  readonly #clock: Clock
  readonly #sliceMs: number
  readonly #count: number
  readonly #empty: (slice: number) => void
  /** Number of the newest slice, counted from the clock's start. */
  #newest: number
  /** The index of the slice that is now until `endsMs`. Set here alone: who has a reading of the clock need not `advance`. */
  current: number
  /** When `current` ends. */
  endsMs: number

  /** `empty` is called with the index of each slice that has left the window, before it is used again. */
  constructor(clock: Clock, windowMs: number, count: number, empty: (slice: number) => void) {
    this.#clock = clock
    this.#sliceMs = windowMs / count
    this.#count = count
    this.#empty = empty
    this.#newest = Math.floor(clock.now() / this.#sliceMs)
    this.current = this.#index(this.#newest)
    this.endsMs = (this.#newest + 1) * this.#sliceMs
  }

  /** The index, in [0, count), of the slice that is now. Hot. */
  advance(nowMs: number = this.#clock.now()): number {
    const current = Math.floor(nowMs / this.#sliceMs)
    const passed = Math.min(current - this.#newest, this.#count)
    for (let step = 1; step <= passed; step++) this.#empty(this.#index(this.#newest + step))
    if (passed > 0) {
      this.#newest = current
      this.current = this.#index(current)
      this.endsMs = (current + 1) * this.#sliceMs
    }
    return this.current
  }

  // A clock may start below zero.
  #index(slice: number): number {
    return ((slice % this.#count) + this.#count) % this.#count
  }
}
