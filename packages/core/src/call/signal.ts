import type { AbortSignalLike } from './scope.ts'

/**
 * A signal for one call, with lb as its only listener. It does what an `AbortController` and its signal do, at a lower
 * cost per request.
 */
export class CallSignal implements AbortSignalLike {
  #aborted = false
  #reason: unknown
  #listener: (() => void) | undefined

  /** Whether the call was ended by `abort`. */
  get aborted(): boolean {
    return this.#aborted
  }

  /** The reason of the abort. */
  get reason(): unknown {
    return this.#reason
  }

  /** Sets the listener; a second one replaces the first. */
  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listener = listener
  }

  /** Removes the listener. */
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
