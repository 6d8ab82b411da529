import type { ServiceInstance, ServiceInstanceInit } from '../../instance/instance.ts'

/**
 * Keeps an instance registered in a registry as long as it exists: the registration is renewed, created again if the
 * registry lost it, and removed at the end.
 */
export interface ServiceRegistrar {
  /**
   * Resolves when the registry knows the instance. After that, it is kept registered in the background; failures go to
   * the `onError` option of the registrar.
   *
   * @throws DiscoveryError if the first registration fails, InvalidInstanceError, LoadBalancerClosedError after
   * `close()`
   */
  register(service: string, instance: ServiceInstanceInit): Promise<Registration>
  /** Removes every registration, and ends connections and timers. Failures go to `onError`. */
  close(): Promise<void>
}

/** One instance that is kept registered. */
export interface Registration {
  /** The name of the service. */
  readonly service: string
  /** The registered instance. */
  readonly instance: ServiceInstance
  /**
   * Removes the registration. Further calls return the same promise. @throws DiscoveryError if the registry cannot be
   * reached
   */
  deregister(): Promise<void>
}
