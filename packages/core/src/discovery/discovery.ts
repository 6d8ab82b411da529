import type { InvalidInstanceError } from '../base/errors.ts'
import type { ServiceInstanceInit } from '../instance/instance.ts'

/**
 * Gives the instances of a service, and nothing else: the cache keeps the list, health is judged elsewhere, a balancer chooses.
 * A discovery that can push implements `watch`; any other is polled through `getInstances`.
 */
export interface ServiceDiscovery {
  /**
   * All instances of `service` as the registry knows them now. An empty list says that the service is known to
   * have none; when that is not known, reject. What cannot be used is left out; when nothing is left, reject. `signal` is aborted when
   * the answer is no longer wanted.
   */
  getInstances(service: string, options?: { signal?: AbortSignal | undefined }): Promise<readonly ServiceInstanceInit[]>
  /**
   * Calls `observer.next` with the full list soon after the call and on every change, and `observer.error` when
   * the registry cannot be asked; it goes on trying by itself until the subscription is closed.
   */
  watch?(service: string, observer: DiscoveryObserver): DiscoverySubscription
  /**
   * `false`: every change is pushed as it is made, so that asking between two of them is of no use; as with a list in code. Default
   * `true`: when instances refuse or vanish, it is asked by `getInstances`, also when it has `watch`.
   */
  readonly refreshable?: boolean | undefined
  /**
   * Ends everything: connections, timers and subscriptions, each of which emits a LoadBalancerClosedError as its last word. Later
   * questions reject with one too. A load balancer calls it when no other one uses the discovery.
   */
  close?(): void | Promise<void>
}

/** Receives what a watch of a discovery emits. */
export interface DiscoveryObserver {
  /**
   * The whole list, never a delta. Order carries no meaning. `rejected` says what the registry has besides and cannot be used: each
   * error names the key or record. Ten of them are enough.
   */
  next(instances: readonly ServiceInstanceInit[], rejected?: readonly InvalidInstanceError[] | undefined): void
  /** The registry could not be asked, or its answer makes no sense. The subscription lives on. */
  error(cause: unknown): void
}

/** A watch of a discovery, for its caller to end. */
export interface DiscoverySubscription {
  /** Ends the watch. The observer is not called any more; only the `close()` of the discovery has a last word. Calling it again does nothing. */
  close(): void
}
