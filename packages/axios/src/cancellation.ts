import type { InternalAxiosRequestConfig } from 'axios'
import { endOf, isBody } from './response-body.ts'

/** The caller's signal and cancel token as one signal. */
export class Cancellation {
  readonly signal: AbortSignal | undefined
  #letGo: () => void = () => {}

  constructor({ signal, cancelToken }: InternalAxiosRequestConfig) {
    this.signal = signal as AbortSignal | undefined
    if (cancelToken === undefined) return
    const controller = new AbortController()
    const abort = (): void => controller.abort()
    cancelToken.subscribe(abort)
    signal?.addEventListener?.('abort', abort)
    if (signal?.aborted === true) abort()
    this.signal = controller.signal
    this.#letGo = () => {
      cancelToken.unsubscribe(abort)
      signal?.removeEventListener?.('abort', abort)
    }
  }

  /** Lets go of signal and token, now or when `body` was read. */
  release(body?: unknown): void {
    if (isBody(body)) void endOf(body).then(this.#letGo, this.#letGo)
    else this.#letGo()
  }
}
