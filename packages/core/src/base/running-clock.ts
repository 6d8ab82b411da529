import type { CancelTimer, Clock, TimerOptions } from './clock.ts'

/** How often it looks whether the process runs, while something is measured. */
const beatMs = 100
/** A beat that is later than this was kept from running: by a blocked event loop, a stopped or a suspended process. */
const lateBeatMs = 50
/** A timer that is later than this gives way once to what lies in the sockets, even if no pause was noticed. */
const lateTimerMs = 10
/** For as long as it was late, within these bounds: until the sockets were read, and what is in them was passed on. */
const [leastGraceMs, mostGraceMs] = [20, 200]
/** How often a timer is put off. A process that never runs for long must not wait for ever. */
const mostPauses = 3

/**
 * The time in which this process ran. While the event loop is blocked, or the process is stopped or suspended, instances
 * respond and nothing reads it: that time is not latency of an instance, and no time limit may pass in it.
 *
 * After a pause, timers come before sockets in Node. So a timer that finds that the process stood waits for what is left
 * of its time, and what lies in the sockets is read before.
 *
 * While something is measured (see `hold`), a beat looks at the clock every 100 ms: a pause of 150 ms is always noticed,
 * one of 50 ms sometimes. Without it, a timer still notices that it is late itself.
 */
export class RunningClock implements Clock {
  readonly #clock: Clock
  #stoodMs = 0
  /** When it was last seen to run, by the given clock. */
  #seenMs = 0
  /** Infinity: there is no beat. */
  #beatDueMs = Number.POSITIVE_INFINITY
  #cancelBeat: CancelTimer = () => {}
  #held = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How long the process stood, as far as that was noticed, in milliseconds. */
  get stoodMs(): number {
    return this.#stoodMs
  }

  /** Milliseconds since an arbitrary start in which the process ran; never goes backwards. */
  now(): number {
    const nowMs = this.#clock.now()
    // A clock that is set back stands, too.
    if (nowMs > this.#beatDueMs + lateBeatMs || (nowMs < this.#seenMs && this.#held > 0)) {
      this.#stoodMs += nowMs - this.#seenMs
      this.#beatDueMs = nowMs + beatMs
    }
    this.#seenMs = nowMs
    return nowMs - this.#stoodMs
  }

  /** Something is measured from now on, until `release`: pauses are noticed. Hot. */
  hold(): void {
    if (this.#held++ === 0 && this.#beatDueMs === Number.POSITIVE_INFINITY) this.#startBeat()
  }

  /** Once for each `hold`. Hot. */
  release(): void {
    this.#held--
  }

  /**
   * Calls `callback` once when the process ran for `delayMs` milliseconds. A call that would come late is put off, up to three times by
   * 20 to 200 ms, so that what lies in the sockets is read before.
   */
  setTimeout(callback: () => void, delayMs: number, options?: TimerOptions): CancelTimer {
    const endMs = this.now() + delayMs
    let dueMs = this.#seenMs + delayMs
    let pauses = 0
    const fire = (): void => {
      const leftMs = endMs - this.now()
      const lateMs = this.#seenMs - dueMs
      if ((leftMs > 1 || lateMs > lateTimerMs) && pauses++ < mostPauses) {
        const moreMs = Math.max(leftMs, leastGraceMs, Math.min(lateMs, mostGraceMs))
        dueMs = this.#seenMs + moreMs
        cancel = this.#clock.setTimeout(fire, moreMs, options)
      } else {
        callback()
      }
    }
    let cancel = this.#clock.setTimeout(fire, delayMs, options)
    return () => cancel()
  }

  /** Ends the beat. It begins again with the next `hold`. */
  close(): void {
    this.#cancelBeat()
    this.#beatDueMs = Number.POSITIVE_INFINITY
  }

  #startBeat(): void {
    this.#seenMs = this.#clock.now()
    this.#beatDueMs = this.#seenMs + beatMs
    this.#cancelBeat = this.#clock.setTimeout(() => this.#beat(), beatMs, { background: true })
  }

  #beat(): void {
    this.now()
    this.#beatDueMs = Number.POSITIVE_INFINITY
    if (this.#held > 0) this.#startBeat()
  }
}
