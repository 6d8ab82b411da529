import { LoadBalancerClosedError } from '../base/errors.ts'
import type { DiscoveryObserver, DiscoverySubscription } from './discovery.ts'

/** The `watch` of a discovery. */
export type Watch = (service: string, observer: DiscoveryObserver) => DiscoverySubscription

/** A `watch` that can be ended as a whole. */
export interface ClosableWatch extends Watch {
  /** Ends every subscription. The last that each observer gets, and the only thing that later ones get, is a LoadBalancerClosedError. */
  close(): void
}

/**
 * The subscriptions of a discovery that are open, for its `close()` to end. None ends without a word: each observer gets an error, so
 * that what stands on its last list knows that nothing follows.
 */
export class OpenSubscriptions {
  readonly #open = new Set<OpenSubscription>()
  #closed = false

  get closed(): boolean {
    return this.#closed
  }

  /** Begins `watch` and gives the subscription for its caller. After `close()` it only passes the error to `observer`. */
  open(service: string, observer: DiscoveryObserver, watch: Watch): DiscoverySubscription {
    if (this.#closed) {
      observer.error(discoveryClosed(service))
      return { close: () => {} }
    }
    const subscription = new OpenSubscription(service, observer, (ended) => this.#open.delete(ended))
    this.#open.add(subscription)
    subscription.begin(watch)
    return subscription
  }

  /** @throws LoadBalancerClosedError after `close()` */
  throwIfClosed(service: string): void {
    if (this.#closed) throw discoveryClosed(service)
  }

  /** Ends all of them. Calling it again does nothing. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const subscription of this.#open) subscription.end()
  }
}

/** Lets the subscriptions of `watch` be ended together. */
export function closableWatch(watch: Watch): ClosableWatch {
  const subscriptions = new OpenSubscriptions()
  const open: Watch = (service, observer) => subscriptions.open(service, observer, watch)
  return Object.assign(open, { close: () => subscriptions.close() })
}

/** Passes on what its watch says, until it is closed: also to an observer that closes it before `watch` has returned. */
class OpenSubscription implements DiscoverySubscription, DiscoveryObserver {
  readonly #service: string
  readonly #observer: DiscoveryObserver
  readonly #onEnd: (subscription: OpenSubscription) => void
  #watched: DiscoverySubscription | undefined
  #isOpen = true

  constructor(service: string, observer: DiscoveryObserver, onEnd: (subscription: OpenSubscription) => void) {
    this.#service = service
    this.#observer = observer
    this.#onEnd = onEnd
  }

  begin(watch: Watch): void {
    try {
      const watched = watch(this.#service, this)
      if (this.#isOpen) this.#watched = watched
      else watched.close()
    } catch (cause) {
      this.#isOpen = false
      this.#onEnd(this)
      throw cause
    }
  }

  next(...list: Parameters<DiscoveryObserver['next']>): void {
    if (this.#isOpen) this.#observer.next(...list)
  }

  error(cause: unknown): void {
    if (this.#isOpen) this.#observer.error(cause)
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#onEnd(this)
    this.#watched?.close()
  }

  /** Closes it, and says why. What the watch or the observer throws does not keep the others from their end. */
  end(): void {
    try {
      this.close()
    } finally {
      try {
        this.#observer.error(discoveryClosed(this.#service))
      } catch {
        // The observer's mistake.
      }
    }
  }
}

function discoveryClosed(service: string): LoadBalancerClosedError {
  return new LoadBalancerClosedError(`${service}: the discovery was closed`, { service })
}
