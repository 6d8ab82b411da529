import type { CancelTimer, Clock, TimerOptions } from '@lb/core'
import { settlePromises } from './settle-promises.ts'

interface FakeTimer {
  readonly atMs: number
  readonly sequence: number
  readonly callback: () => void
  readonly background: boolean
}

/**
 * A `Clock` whose time passes only when a test advances it.
 *
 *     const clock = new FakeClock()
 *     const lb = new LoadBalancer({ discovery, clock })
 *     await clock.advance(10_000)
 *     await lb.close()
 *     expect(clock.pendingTimers).toBe(0)
 */
export class FakeClock implements Clock {
  #nowMs: number
  #sequence = 0
  readonly #timers = new Set<FakeTimer>()

  /** `startMs` is the first reading. Like that of a real clock, it is not 0 by default. @default 1_000_000 */
  constructor(startMs = 1_000_000) {
    this.#nowMs = startMs
  }

  /** The virtual time in milliseconds. */
  now(): number {
    return this.#nowMs
  }

  /**
   * Calls `callback` when a test has advanced the time by `delayMs`; a negative delay counts as 0. Returns a function
   * that cancels the timer.
   */
  setTimeout(callback: () => void, delayMs: number, options: TimerOptions = {}): CancelTimer {
    const timer: FakeTimer = {
      atMs: this.#nowMs + Math.max(0, delayMs),
      sequence: this.#sequence++,
      callback,
      background: options.background === true,
    }
    this.#timers.add(timer)
    return () => {
      this.#timers.delete(timer)
    }
  }

  /**
   * Timers that have neither fired nor been cancelled. After everything was closed, any other number than 0 is a leak.
   */
  get pendingTimers(): number {
    return this.#timers.size
  }

  /** The pending timers that would keep a process alive. */
  get pendingForegroundTimers(): number {
    return Array.from(this.#timers).filter((timer) => !timer.background).length
  }

  /**
   * Advances the time by `durationMs`: fires due timers in order, and lets promises settle before, between and after
   * them. Timers that become due on the way also fire.
   */
  async advance(durationMs: number): Promise<void> {
    const untilMs = this.#nowMs + durationMs
    await settlePromises()
    for (let timer = this.#nextDue(untilMs); timer !== undefined; timer = this.#nextDue(untilMs)) {
      this.#fire(timer)
      await settlePromises()
    }
    this.#nowMs = untilMs
    await settlePromises()
  }

  /**
   * Advances the time by `durationMs` while nothing runs, as with a blocked event loop or a stopped or suspended
   * process. Timers that become due meanwhile fire afterwards, late, in the order in which they were due.
   */
  async pause(durationMs: number): Promise<void> {
    this.#nowMs += durationMs
    await this.advance(0)
  }

  /** Like `advance`, for code without promises: nothing settles in between. */
  advanceSync(durationMs: number): void {
    const untilMs = this.#nowMs + durationMs
    for (let timer = this.#nextDue(untilMs); timer !== undefined; timer = this.#nextDue(untilMs)) this.#fire(timer)
    this.#nowMs = untilMs
  }

  #fire(timer: FakeTimer): void {
    this.#timers.delete(timer)
    this.#nowMs = Math.max(this.#nowMs, timer.atMs)
    timer.callback()
  }

  #nextDue(untilMs: number): FakeTimer | undefined {
    let next: FakeTimer | undefined
    for (const timer of this.#timers) {
      if (timer.atMs > untilMs) continue
      const sooner = next === undefined || timer.atMs < next.atMs
      if (sooner || (timer.atMs === next?.atMs && timer.sequence < next.sequence)) next = timer
    }
    return next
  }
}
