import type { InternalAxiosRequestConfig } from 'axios'

/** The caller's signal and cancel token as one signal. */
export class Cancellation {
  readonly signal: AbortSignal | undefined
  readonly release: () => void = () => {}

  constructor({ signal, cancelToken }: InternalAxiosRequestConfig) {
    this.signal = signal as AbortSignal | undefined
    if (cancelToken === undefined) return
    const controller = new AbortController()
    const abort = (): void => controller.abort()
    const token = cancelToken as typeof cancelToken & Subscribable
    token.subscribe(abort)
    signal?.addEventListener?.('abort', abort)
    if (signal?.aborted === true) abort()
    this.signal = controller.signal
    this.release = () => {
      token.unsubscribe(abort)
      signal?.removeEventListener?.('abort', abort)
    }
  }
}

interface Subscribable {
  subscribe(listener: () => void): void
  unsubscribe(listener: () => void): void
}
