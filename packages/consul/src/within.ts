import type { Clock } from '@lb/core'

export interface Within {
  readonly clock: Clock
  readonly limitMs: number
  readonly signal: AbortSignal | undefined
  readonly background: boolean
}

/**
 * What `action` gives, if that comes within `limitMs` and before `signal` is aborted; what comes later is dropped.
 *
 * @throws what `late` makes, or the reason of the signal
 */
export function within<T>(
  { clock, limitMs, signal, background }: Within,
  action: () => Promise<T>,
  late: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason)
      return
    }
    const abort = (): void => reject(signal?.reason)
    const cancel = clock.setTimeout(() => reject(late()), limitMs, { background })
    signal?.addEventListener('abort', abort, { once: true })
    action()
      .then(resolve, reject)
      .finally(() => {
        cancel()
        signal?.removeEventListener('abort', abort)
      })
  })
}
