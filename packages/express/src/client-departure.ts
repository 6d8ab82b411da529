import type { AbortSignalLike } from '@lb/core'

/** The signal that a client went away: what an `AbortSignal` would say, for one listener, and without what one costs. */
export class ClientDeparture implements AbortSignalLike {
  aborted = false
  reason: Error | undefined
  #listener: (() => void) | undefined

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listener = listener
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    if (this.#listener === listener) this.#listener = undefined
  }

  /** The client is gone. */
  tell(): void {
    if (this.aborted) return
    this.aborted = true
    this.reason = clientGone()
    this.#listener?.()
  }
}

function clientGone(): Error {
  return new DOMException('the client went away', 'AbortError')
}
