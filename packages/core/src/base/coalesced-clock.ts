import type { CancelTimer, Clock, TimerOptions } from './clock.ts'

/** Timers that are due within the same slot of this length share one. */
const slotMs = 100
/** Shorter delays are exact: a slot would be too large a part of them. */
const leastDelayMs = 5_000

interface Entry {
  callback: (() => void) | undefined
}

interface Tick {
  dueMs: number
  cancel: CancelTimer
  readonly entries: Entry[]
  /** Entries that were not cancelled. */
  live: number
}

/**
 * A clock for background work that need not be exact, such as polls: where thousands of timers run, those that are due within 100 ms share
 * one, at the time of the first of them. So a timer may come up to 100 ms early, and never comes late. A timer without others near it is
 * exact, as are those of less than 5 s, and those that are not of the background.
 */
export class CoalescedClock implements Clock {
  readonly #clock: Clock
  readonly #ticks = new Map<number, Tick>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock.now()
  }

  setTimeout(callback: () => void, delayMs: number, options?: TimerOptions): CancelTimer {
    if (options?.background !== true || delayMs < leastDelayMs)
      return this.#clock.setTimeout(callback, delayMs, options)
    const entry: Entry = { callback }
    const dueMs = this.#clock.now() + delayMs
    const slot = Math.floor(dueMs / slotMs)
    const tick = this.#tickOf(slot, dueMs)
    tick.entries.push(entry)
    tick.live++
    return () => {
      if (entry.callback === undefined) return
      // It stays in its tick, but keeps nothing alive.
      entry.callback = undefined
      if (--tick.live > 0) return
      tick.cancel()
      this.#ticks.delete(slot)
    }
  }

  #tickOf(slot: number, dueMs: number): Tick {
    let tick = this.#ticks.get(slot)
    if (tick === undefined) {
      tick = { dueMs: Number.POSITIVE_INFINITY, cancel: () => {}, entries: [], live: 0 }
      this.#ticks.set(slot, tick)
    }
    if (dueMs >= tick.dueMs) return tick
    tick.cancel()
    tick.dueMs = dueMs
    const fire = (): void => this.#fire(slot)
    tick.cancel = this.#clock.setTimeout(fire, dueMs - this.#clock.now(), { background: true })
    return tick
  }

  #fire(slot: number): void {
    const entries = this.#ticks.get(slot)?.entries ?? []
    this.#ticks.delete(slot)
    run(entries, 0)
  }
}

/** Also the rest of them when one throws. */
function run(entries: readonly Entry[], from: number): void {
  let next = from
  try {
    while (next < entries.length) {
      const entry = entries[next++] as Entry
      const { callback } = entry
      entry.callback = undefined
      callback?.()
    }
  } finally {
    if (next < entries.length) run(entries, next)
  }
}
