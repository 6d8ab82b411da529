import type { InternalAxiosRequestConfig } from 'axios'
import { endOf, isBody } from './response.ts'

/** The caller's signal and cancel token as one signal. */
export class Cancellation {
  readonly #controller = new AbortController()
  readonly #signal: InternalAxiosRequestConfig['signal']
  readonly #token: InternalAxiosRequestConfig['cancelToken']
  readonly #abort = (): void => this.#controller.abort()

  constructor({ signal, cancelToken }: InternalAxiosRequestConfig) {
    this.#signal = signal
    this.#token = cancelToken
    cancelToken?.subscribe(this.#abort)
    signal?.addEventListener?.('abort', this.#abort)
    if (signal?.aborted === true) this.#abort()
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Lets go of signal and token, now or when `body` was read. */
  release(body?: unknown): void {
    const letGo = (): void => {
      this.#token?.unsubscribe(this.#abort)
      this.#signal?.removeEventListener?.('abort', this.#abort)
    }
    if (isBody(body)) void endOf(body).then(letGo, letGo)
    else letGo()
  }
}
