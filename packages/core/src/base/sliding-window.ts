import type { Clock } from './clock.ts'

/** A stretch of time up to now, in slices of equal length that are used over and over. */
export class SlidingWindow {
  readonly #clock: Clock
  readonly #sliceMs: number
  readonly #count: number
  readonly #empty: (slice: number) => void
  /** Number of the newest slice, counted from the clock's start. */
  #newest: number

  /** `empty` is called with the index of each slice that has left the window, before it is used again. */
  constructor(clock: Clock, windowMs: number, count: number, empty: (slice: number) => void) {
    this.#clock = clock
    this.#sliceMs = windowMs / count
    this.#count = count
    this.#empty = empty
    this.#newest = Math.floor(clock.now() / this.#sliceMs)
  }

  /** The index, in [0, count), of the slice that is now. Hot. */
  advance(nowMs: number = this.#clock.now()): number {
    const current = Math.floor(nowMs / this.#sliceMs)
    const passed = Math.min(current - this.#newest, this.#count)
    for (let step = 1; step <= passed; step++) this.#empty(this.#index(this.#newest + step))
    if (passed > 0) this.#newest = current
    return this.#index(this.#newest)
  }

  // A clock may start below zero.
  #index(slice: number): number {
    return ((slice % this.#count) + this.#count) % this.#count
  }
}
