import type { CancelTimer, Clock, TimerOptions } from '@lb/core'

interface FakeTimer {
  readonly atMs: number
  readonly sequence: number
  readonly callback: () => void
  readonly background: boolean
}

/**
 * A `Clock` whose time passes only when a test says so.
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

  /** `startMs` is the first reading; not 0 by default, as a real clock's is not. */
  constructor(startMs = 1_000_000) {
    this.#nowMs = startMs
  }

  now(): number {
    return this.#nowMs
  }

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

  /** Timers that have neither fired nor been cancelled: 0 after everything was closed, or something leaks. */
  get pendingTimers(): number {
    return this.#timers.size
  }

  /** Those of them that would keep the process alive. */
  get pendingForegroundTimers(): number {
    return Array.from(this.#timers).filter((timer) => !timer.background).length
  }

  /**
   * Lets `durationMs` pass: fires what falls due, in order, and lets promises settle before, between and after. Timers
   * that fall due by what happens on the way fire too.
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
   * Lets `durationMs` pass while nothing runs, as while the event loop is blocked, or the process is stopped or suspended:
   * what falls due meanwhile fires afterwards, late, in the order in which it was due.
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

/** Resolves when every promise that can settle without a timer or the network has. */
export function settlePromises(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
