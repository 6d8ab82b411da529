/**
 * The part of an `AbortSignal` that lb uses, with room for the one listener there is. A real one costs 0.4 µs for each
 * request, and nobody else ever sees it.
 */
export class CallSignal {
  aborted = false
  reason: unknown
  #listener: (() => void) | undefined

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listener = listener
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    if (this.#listener === listener) this.#listener = undefined
  }

  abort(reason: unknown): void {
    this.aborted = true
    this.reason = reason
    this.#listener?.()
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason
  }
}
