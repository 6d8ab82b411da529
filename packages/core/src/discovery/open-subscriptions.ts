import { LoadBalancerClosedError } from '../base/errors.ts'
import type { DiscoveryObserver, DiscoverySubscription } from './discovery.ts'

/** The `watch` of a discovery. */
export type Watch = (service: string, observer: DiscoveryObserver) => DiscoverySubscription

/** A `watch` whose subscriptions can be ended together. */
export interface ClosableWatch extends Watch {
  /**
   * Ends every subscription. The last notification of each observer, and the only one of later observers, is a
   * LoadBalancerClosedError.
   */
  close(): void
}

/**
 * The open subscriptions of a discovery, which its `close()` ends. None ends silently: each observer gets an error, so
 * that the owner of its last list knows that nothing follows.
 */
export class OpenSubscriptions {
  readonly #open = new Set<OpenSubscription>()
  #closed = false

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#closed
  }

  /**
   * Starts `watch` and returns the subscription for its caller. After `close()`, it only passes the error to
   * `observer`.
   */
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

/** Makes the subscriptions of `watch` closable together. */
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

  /**
   * Closes the subscription with its last error. Errors of the watch or the observer do not affect the other
   * subscriptions.
   */
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
