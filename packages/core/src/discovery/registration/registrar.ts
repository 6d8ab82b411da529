import type { ServiceInstance, ServiceInstanceInit } from '../../instance/instance.ts'

/**
 * Tells a registry that an instance is there, for as long as it is: the registration is renewed, made again after the registry lost
 * it, and taken back at the end.
 */
export interface ServiceRegistrar {
  /**
   * Resolves when the registry knows the instance. After that it is kept registered in the background; failures go to the `onError`
   * option of the registrar.
   *
   * @throws DiscoveryError when the first registration fails, InvalidInstanceError, LoadBalancerClosedError after `close()`
   */
  register(service: string, instance: ServiceInstanceInit): Promise<Registration>
  /** Takes back every registration, and ends connections and timers. Failures to take back go to `onError`. */
  close(): Promise<void>
}

/** One instance that is kept registered. */
export interface Registration {
  readonly service: string
  readonly instance: ServiceInstance
  /** Takes the registration back. Calling it again gives the same promise. @throws DiscoveryError when the registry cannot be told */
  deregister(): Promise<void>
}
