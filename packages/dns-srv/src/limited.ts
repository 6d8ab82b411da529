import type { Clock } from '@lb/core'
import { DnsFailure } from './errors.ts'

export interface Limits {
  readonly clock: Clock
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Nobody waits for it: neither sockets nor timers keep the process alive. */
  readonly background: boolean
}

type Start<T> = (resolve: (value: T) => void, reject: (cause: unknown) => void) => () => void

/**
 * Runs `start`, which gives back how to end what it began. That is done exactly once: when it resolves or rejects, when
 * `timeoutMs` is over, or when the signal is aborted.
 */
export function limited<T>({ clock, timeoutMs, signal, background }: Limits, start: Start<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason)
      return
    }
    let settled = false
    let end: (() => void) | undefined
    const settle = (action: () => void): void => {
      if (settled) return
      settled = true
      cancelTimer()
      signal.removeEventListener('abort', abort)
      end?.()
      action()
    }
    const fail = (cause: unknown): void => settle(() => reject(cause))
    const abort = (): void => fail(signal.reason)
    const expire = (): void => fail(new DnsFailure('TIMEOUT', `no answer within ${timeoutMs} ms`))
    const cancelTimer = clock.setTimeout(expire, timeoutMs, { background })
    signal.addEventListener('abort', abort, { once: true })
    end = start((value) => settle(() => resolve(value)), fail)
    if (settled) end()
  })
}
