import type { Clock, TimerOptions } from './clock.ts'
import { DiscoveryError } from './errors.ts'
import { RunningClock } from './running-clock.ts'

/** How long something may take, and what else ends it. */
export interface TimeLimit extends TimerOptions {
  /** Source of time. */
  readonly clock: Clock
  /** The limit in milliseconds. @default undefined: only the signals end it */
  readonly limitMs?: number | undefined
  /** Creates the error for the end of the limit. @default a DiscoveryError with `no answer within … ms` */
  readonly late?: (() => Error) | undefined
  /** Each of these ends the wait, with its reason. @default [] */
  readonly signals?: readonly (AbortSignal | undefined)[] | undefined
}

/**
 * What `ask` gives, unless it takes too long or is no longer wanted: then its signal is aborted, and what it gives later is
 * dropped. It need not listen to the signal.
 */
export async function timeLimited<T>(
  { clock, limitMs, late, background = false, signals = [] }: TimeLimit,
  ask: (signal: AbortSignal) => T | Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const cleanups: (() => void)[] = []
  try {
    return await new Promise<T>((resolve, reject) => {
      const giveUp = (reason: unknown): void => {
        reject(reason)
        controller.abort(reason)
      }
      for (const signal of signals) {
        if (signal === undefined) continue
        signal.throwIfAborted()
        const abort = (): void => giveUp(signal.reason)
        signal.addEventListener('abort', abort, { once: true })
        cleanups.push(() => signal.removeEventListener('abort', abort))
      }
      if (limitMs !== undefined) {
        const expire = (): void => giveUp(late?.() ?? new DiscoveryError(`no answer within ${limitMs} ms`))
        cleanups.push(new RunningClock(clock).setTimeout(expire, limitMs, { background }))
      }
      // Not `resolve(ask(…))`: that would leave nothing to give up.
      new Promise<T>((answer) => answer(ask(controller.signal))).then(resolve, reject)
    })
  } finally {
    for (const cleanup of cleanups) cleanup()
  }
}
