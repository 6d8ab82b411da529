import { type CancelTimer, type Clock, systemClock, type TimerOptions } from '../base/clock.ts'
import { type Random, systemRandom } from '../base/random.ts'
import type { ApplicationCallback, CallbackFailed } from './events.ts'

/** The application's source of chance. Where it throws or gives no number in [0, 1], the platform's stands in. */
export function guardedRandom(random: Random, callbackFailed: CallbackFailed): Random {
  return () => {
    try {
      const value = random()
      if (value >= 0 && value <= 1) return value
      emitFailure(
        callbackFailed,
        'random',
        new RangeError(`random() must give a number in [0, 1), got ${String(value)}`),
      )
    } catch (error) {
      emitFailure(callbackFailed, 'random', error)
    }
    return systemRandom()
  }
}

/** The application's clock. A reading that throws is no number, which `monotonic` mends; a timer that it does not set is the platform's. */
export function guardedClock(clock: Clock, callbackFailed: CallbackFailed): Clock {
  return {
    now: () => {
      try {
        return clock.now()
      } catch (error) {
        emitFailure(callbackFailed, 'clock.now', error)
        return Number.NaN
      }
    },
    setTimeout: (callback: () => void, delayMs: number, options?: TimerOptions): CancelTimer => {
      try {
        const cancel = clock.setTimeout(callback, delayMs, options)
        return () => {
          try {
            cancel()
          } catch (error) {
            emitFailure(callbackFailed, 'clock.setTimeout', error)
          }
        }
      } catch (error) {
        emitFailure(callbackFailed, 'clock.setTimeout', error)
        return systemClock.setTimeout(callback, delayMs, options)
      }
    },
  }
}

// Later: code that reads the clock is in the middle of a step, and a listener must not see that.
function emitFailure(callbackFailed: CallbackFailed, callback: ApplicationCallback, error: unknown): void {
  queueMicrotask(() => callbackFailed(callback, error))
}
