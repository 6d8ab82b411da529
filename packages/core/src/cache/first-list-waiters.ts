import type { LoadBalancerClosedError } from '../base/errors.ts'

/** Called once when the first list is known; the error says why it never will be. */
export type FirstListListener = (error?: LoadBalancerClosedError) => void

/** What waits for the first list of a service. */
export class FirstListWaiters {
  #listeners: FirstListListener[] = []

  /** Adds `listener`; the returned function takes it out. */
  add(listener: FirstListListener): () => void {
    this.#listeners.push(listener)
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener)
    }
  }

  /** Calls each listener, for the last time. */
  settle(error?: LoadBalancerClosedError): void {
    const listeners = this.#listeners
    this.#listeners = []
    for (const listener of listeners) listener(error)
  }
}
