import type { CancelTimer, Clock } from '@lb/core'
import { settlePromises } from '../fake-clock.ts'

interface Timer {
  readonly atMs: number
  readonly sequence: number
  readonly callback: () => void
  /** Place in the heap; −1 when it is not there any more. */
  index: number
}

/** Turns of the event loop that are asked for together: asking for each alone costs four times as much. */
const turnsAtOnce = 64

/**
 * A `Clock` whose time jumps from timer to timer, for simulations with millions of them: `setTimeout`, cancelling and
 * firing cost O(log n) (a binary heap that knows where each timer is, so that a cancelled one is gone at once).
 *
 * The timers of one instant fire together, in the order in which they were set; then every promise that can settle
 * does, before time goes on. Timers that are set for the same instant meanwhile fire after that.
 */
export class SimulationClock implements Clock {
  #nowMs: number
  #sequence = 0
  readonly #heap: Timer[] = []

  /** `startMs` is the first reading; not 0 by default, as a real clock's is not. */
  constructor(startMs = 1_000_000) {
    this.#nowMs = startMs
  }

  now(): number {
    return this.#nowMs
  }

  setTimeout(callback: () => void, delayMs: number): CancelTimer {
    const heap = this.#heap
    const atMs = this.#nowMs + Math.max(0, delayMs)
    const timer: Timer = { atMs, sequence: this.#sequence++, callback, index: heap.length }
    heap.push(timer)
    this.#rise(timer)
    return () => this.#remove(timer)
  }

  /** Timers that have neither fired nor been cancelled: 0 after everything was closed, or something leaks. */
  get pendingTimers(): number {
    return this.#heap.length
  }

  /**
   * Lets time pass until `untilMs`, the timers of that instant included. A timer that throws ends it: the promise
   * rejects with what it threw.
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
