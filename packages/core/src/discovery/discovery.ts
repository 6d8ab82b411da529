import type { InvalidInstanceError } from '../base/errors.ts'
import type { ServiceInstanceInit } from '../instance/instance.ts'

/**
 * Returns the instances of a service, and does nothing else: the cache keeps the list, health is checked elsewhere, and
 * a balancer chooses. A discovery that can push implements `watch`; any other is polled through `getInstances`.
 */
export interface ServiceDiscovery {
  /**
   * All instances of `service` that the registry knows now. An empty list means that the service is known to have none;
   * if that is not known, reject. Unusable entries are left out; if no entry is left because of that, reject. `signal`
   * is aborted when the result is no longer needed.
   */
  getInstances(service: string, options?: { signal?: AbortSignal | undefined }): Promise<readonly ServiceInstanceInit[]>
  /**
   * Calls `observer.next` with the full list soon after the call and on every change, and `observer.error` if the
   * registry cannot be queried. It keeps trying by itself until the subscription is closed.
   */
  watch?(service: string, observer: DiscoveryObserver): DiscoverySubscription
  /**
   * `false`: every change is pushed at once, so that a query between two changes is useless, as with a list in code.
   * `true`: if instances refuse connections or vanish, `getInstances` is called, even if there is a `watch`.
   * @default true
   */
  readonly refreshable?: boolean | undefined
  /**
   * Ends all connections, timers and subscriptions; each subscription emits a LoadBalancerClosedError as its last
   * notification. Later queries also reject with this error. A load balancer calls it when no other one uses the
   * discovery.
   */
  close?(): void | Promise<void>
}

/** Receives what a watch of a discovery emits. */
export interface DiscoveryObserver {
  /**
   * Receives the whole list, never a delta. Its order has no meaning. `rejected` are the unusable entries of the
   * registry: each error names the key or record. Ten of them are enough. With `sample`, the list may lack instances:
   * those that are missing from it are not removed at once.
   */
  next(instances: readonly ServiceInstanceInit[], rejected?: readonly InvalidInstanceError[], sample?: ListSample): void
  /** The registry could not be queried, or its response is invalid. The subscription continues. */
  error(cause: unknown): void
}

/**
 * How long an instance stays that is missing from a list which may be a sample, as the answers of some DNS servers are. It stays
 * unless it refuses connections, is ejected, or fails its checks, and unless the list is shorter than an earlier one: then the
 * registry has no more instances, if it was not seen to give samples.
 */
export interface ListSample {
  /** How long the list is valid, in milliseconds: the next one may be another sample. */
  readonly ttlMs: number
  /**
   * How long a missing instance stays, in milliseconds.
   * @default three times `ttlMs`; once lists are known to be samples, as long as it takes until an instance of an unchanged
   * service would be in one of the lists with a probability of 99.9 %, at most a hundred times `ttlMs`
   */
  readonly graceMs?: number | undefined
}

/** A watch of a discovery, which its caller ends. */
export interface DiscoverySubscription {
  /**
   * Ends the watch. The observer is not called any more, except when the discovery itself is closed first. Further
   * calls do nothing.
   */
  close(): void
}
