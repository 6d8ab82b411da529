import { runInBackground } from './background-context.ts'

/** Ends a timer before it fires. Calling it again, or after the timer fired, does nothing. */
export type CancelTimer = () => void

export interface TimerOptions {
  /**
   * A background timer does not keep the process alive, and runs outside of the `AsyncLocalStorage` stores of the call that sets it.
   * Default false: something waits for it.
   */
  readonly background?: boolean | undefined
}

/** Where time comes from. Tests give a virtual one. */
export interface Clock {
  /** Milliseconds since an arbitrary start; never goes backwards. */
  now(): number
  /** Calls `callback` once after `delayMs` milliseconds. */
  setTimeout(callback: () => void, delayMs: number, options?: TimerOptions): CancelTimer
}

/** Longer delays make the platform's timers fire at once. */
export const maxTimerDelayMs = 2_147_483_647

/** `clock`, held to its promise: a reading that goes back, or is no number, is taken for the last one. */
export function monotonic(clock: Clock): Clock {
  let lastMs = Number.NEGATIVE_INFINITY
  return {
    now: () => {
      const nowMs = clock.now()
      if (nowMs > lastMs) lastMs = nowMs
      return lastMs
    },
    setTimeout: (callback, delayMs, options) => clock.setTimeout(callback, delayMs, options),
  }
}

/** The platform's monotonic clock and timers. */
export const systemClock: Clock = Object.freeze({
  // Looked up on each call, so that tests which replace the globals are seen.
  now: () => performance.now(),
  setTimeout: (callback: () => void, delayMs: number, options?: TimerOptions): CancelTimer => {
    const limitedMs = Math.min(delayMs, maxTimerDelayMs)
    if (options?.background !== true) return cancelOf(setTimeout(callback, limitedMs))
    const timer: unknown = runInBackground(() => setTimeout(callback, limitedMs))
    if (isUnrefable(timer)) timer.unref()
    return cancelOf(timer)
  },
})

function cancelOf(timer: unknown): CancelTimer {
  return () => clearTimeout(timer as Parameters<typeof clearTimeout>[0])
}

// Node and Bun return an object; browsers, Deno and edge runtimes a number.
function isUnrefable(timer: unknown): timer is { unref(): void } {
  return typeof timer === 'object' && timer !== null && 'unref' in timer
}
