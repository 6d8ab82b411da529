import type { CancelTimer, Clock } from '@lb/core'
import { settlePromises } from '../settle-promises.ts'

interface Timer {
  readonly atMs: number
  readonly sequence: number
  readonly callback: () => void
  /** Position in the heap; −1 if the timer is no longer in it. */
  index: number
}

/** Turns of the event loop that are requested together: requesting each separately costs four times as much. */
const turnsAtOnce = 64

/**
 * A `Clock` whose time jumps from timer to timer, for simulations with millions of timers: setting, cancelling and
 * firing cost O(log n). It uses a binary heap that knows the position of each timer, so a cancelled timer is removed at
 * once.
 *
 * The timers of one instant fire together, in the order in which they were set. Then every promise settles that can,
 * before the time advances. Timers that are set for the same instant meanwhile fire after that.
 */
export class SimulationClock implements Clock {
  #nowMs: number
  #sequence = 0
  readonly #heap: Timer[] = []

  /** `startMs` is the first reading. Like that of a real clock, it is not 0 by default. @default 1_000_000 */
  constructor(startMs = 1_000_000) {
    this.#nowMs = startMs
  }

  /** The virtual time in milliseconds. */
  now(): number {
    return this.#nowMs
  }

  /** Calls `callback` in `delayMs`; a negative delay counts as 0. Returns a function that cancels the timer. */
  setTimeout(callback: () => void, delayMs: number): CancelTimer {
    const heap = this.#heap
    const atMs = this.#nowMs + Math.max(0, delayMs)
    const timer: Timer = { atMs, sequence: this.#sequence++, callback, index: heap.length }
    heap.push(timer)
    this.#rise(timer)
    return () => this.#remove(timer)
  }

  /**
   * Timers that have neither fired nor been cancelled. After everything was closed, any other number than 0 is a leak.
   */
  get pendingTimers(): number {
    return this.#heap.length
  }

  /**
   * Advances the time to `untilMs`, including the timers of that instant. If a timer throws, the promise rejects with
   * its error.
   */
  async runUntil(untilMs: number): Promise<void> {
    for (;;) {
      const turns = Array.from({ length: turnsAtOnce }, settlePromises)
      for (const turn of turns) {
        // A turn of the event loop begins only when no promise is left that could settle.
        await turn
        if (this.#fireNextInstant(untilMs)) continue
        this.#nowMs = Math.max(this.#nowMs, untilMs)
        return
      }
    }
  }

  #fireNextInstant(untilMs: number): boolean {
    const heap = this.#heap
    const first = heap[0]
    if (first === undefined || first.atMs > untilMs) return false
    this.#nowMs = first.atMs
    const newer = this.#sequence
    for (let timer: Timer | undefined = first; timer !== undefined; timer = heap[0]) {
      if (timer.atMs > first.atMs || timer.sequence >= newer) break
      this.#remove(timer)
      timer.callback()
    }
    return true
  }

  #remove(timer: Timer): void {
    const { index } = timer
    if (index < 0) return
    const heap = this.#heap
    const last = heap.pop() as Timer
    timer.index = -1
    if (last === timer) return
    heap[index] = last
    last.index = index
    this.#rise(last)
    if (last.index === index) this.#sink(last)
  }

  #rise(timer: Timer): void {
    const heap = this.#heap
    let { index } = timer
    while (index > 0) {
      const above = (index - 1) >> 1
      const parent = heap[above] as Timer
      if (isBefore(parent, timer)) break
      heap[index] = parent
      parent.index = index
      index = above
    }
    heap[index] = timer
    timer.index = index
  }

  #sink(timer: Timer): void {
    const heap = this.#heap
    const { length } = heap
    let { index } = timer
    for (;;) {
      let below = 2 * index + 1
      if (below >= length) break
      let child = heap[below] as Timer
      const right = heap[below + 1]
      if (right !== undefined && isBefore(right, child)) {
        below++
        child = right
      }
      if (isBefore(timer, child)) break
      heap[index] = child
      child.index = index
      index = below
    }
    heap[index] = timer
    timer.index = index
  }
}

function isBefore(left: Timer, right: Timer): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.sequence < right.sequence)
}
