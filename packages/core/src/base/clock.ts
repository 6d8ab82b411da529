import { runInBackground } from './background-context.ts'

/** Cancels a timer before it fires. Further calls, and calls after the timer has fired, do nothing. */
export type CancelTimer = () => void

/** How a timer relates to the process. */
export interface TimerOptions {
  /**
   * A background timer does not keep the process alive, and runs outside the `AsyncLocalStorage` stores of the call
   * that sets it. Nothing waits for it.
   * @default false
   */
  readonly background?: boolean | undefined
}

/** The source of time. Tests use a virtual clock. */
export interface Clock {
  /** Milliseconds since an arbitrary start; never goes backwards. */
  now(): number
  /** Calls `callback` once after `delayMs` milliseconds. */
  setTimeout(callback: () => void, delayMs: number, options?: TimerOptions): CancelTimer
}

/** Longer delays make the platform's timers fire at once. */
export const maxTimerDelayMs = 2_147_483_647

/** `clock`, made monotonic: a reading that goes backwards or is not a number counts as the last one. */
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
