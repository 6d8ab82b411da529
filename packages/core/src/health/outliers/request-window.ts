import type { CancelTimer, Clock } from '../../base/clock.ts'
import { jittered, type Random } from '../../base/random.ts'

export interface RequestWindowOptions {
  readonly lengthMs: number
  /** Part of the length that is random, in [0, 1]; a window only ever gets shorter. */
  readonly jitter: number
  readonly clock: Clock
  readonly random: Random
  /**
   * The window is over: what was counted in it is to be forgotten, and judged only when it is not `outdated`, that is
   * when the timer fired in time.
   */
  readonly onEnd: (outdated: boolean) => void
}

/**
 * The time over which requests are counted: from the first request after the last window until `lengthMs` later. There
 * is no timer while there is no request, so a service that is not used costs nothing, and one that falls silent leaves
 * nothing counted.
 */
export class RequestWindow {
  readonly #options: RequestWindowOptions
  #startMs = 0
  #cancelTimer: CancelTimer | undefined

  constructor(options: RequestWindowOptions) {
    this.#options = options
  }

  /** A request was counted. */
  open(): void {
    if (this.#cancelTimer !== undefined) return
    const { clock, lengthMs, jitter, random } = this.#options
    this.#startMs = clock.now()
    const delayMs = jittered(lengthMs, jitter, random)
    this.#cancelTimer = clock.setTimeout(() => this.#end(), delayMs, { background: true })
  }

  close(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  #end(): void {
    const { clock, lengthMs, onEnd } = this.#options
    this.#cancelTimer = undefined
    // Suspended processes and tabs in the background get their timers late: such counts say nothing about now.
    onEnd(clock.now() - this.#startMs > 2 * lengthMs)
  }
}
