import type { Clock, TimerOptions } from './clock.ts'

/** Resolves after `delayMs` milliseconds. Rejects with the reason of `signal` when that is aborted before. Default: keeps no process alive. */
export function pause(
  clock: Clock,
  delayMs: number,
  signal: AbortSignal,
  options: TimerOptions = { background: true },
): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const abort = (): void => {
      cancel()
      reject(signal.reason)
    }
    const end = (): void => {
      signal.removeEventListener('abort', abort)
      resolve()
    }
    const cancel = clock.setTimeout(end, delayMs, options)
    signal.addEventListener('abort', abort, { once: true })
  })
}
