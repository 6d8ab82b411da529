import type { Clock } from '@lb/core'

/** Resolves after `delayMs`, which keeps no process alive. Rejects with the reason of `signal` when that is aborted before. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason)
      return
    }
    const abort = (): void => {
      cancel()
      reject(signal.reason)
    }
    const end = (): void => {
      signal.removeEventListener('abort', abort)
      resolve()
    }
    const cancel = clock.setTimeout(end, delayMs, { background: true })
    signal.addEventListener('abort', abort, { once: true })
  })
}
