import type { AbortSignalLike } from './scope.ts'

/**
 * A signal for one call, of which lb is the only listener: what an `AbortController` and its signal do, for adapters to which those are
 * too dear for each request.
 */
export class CallSignal implements AbortSignalLike {
  #aborted = false
  #reason: unknown
  #listener: (() => void) | undefined

  get aborted(): boolean {
    return this.#aborted
  }

  get reason(): unknown {
    return this.#reason
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listener = listener
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    if (this.#listener === listener) this.#listener = undefined
  }

  /** Ends the call. The first reason counts. */
  abort(reason: unknown): void {
    if (this.#aborted) return
    this.#aborted = true
    this.#reason = reason
    this.#listener?.()
  }
}
