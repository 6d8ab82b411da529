import type { DiscoverySubscription } from './discovery.ts'

/** The watches of a discovery that are open, for its `close()` to end. One that is closed before is let go of. */
export class OpenSubscriptions {
  readonly #open = new Set<DiscoverySubscription>()

  /** Takes `subscription`, and gives the one for the caller of `watch`. */
  add(subscription: DiscoverySubscription): DiscoverySubscription {
    this.#open.add(subscription)
    return {
      close: () => {
        this.#open.delete(subscription)
        subscription.close()
      },
    }
  }

  /** Closes all of them. */
  close(): void {
    for (const subscription of this.#open) subscription.close()
    this.#open.clear()
  }
}
