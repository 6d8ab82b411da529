import {
  type Clock,
  type DiscoveryError,
  LoadBalancerClosedError,
  parseInstance,
  type Registration,
  type ServiceInstance,
  type ServiceInstanceInit,
  type ServiceRegistrar,
} from '@lb/core'
import {
  checkDurationMs,
  checkFunction,
  checkKeys,
  RenewedRegistration,
  rejectOption,
  systemClock,
} from '@lb/core/authoring'
import { registryErrorOf } from '@lb/registry-http'
import { EtcdClient } from './client.ts'
import type { Codec } from './codec.ts'
import { KeyRegistration } from './key-registration.ts'
import { checkConnectionOptions, codecOf, connectionKeys, type EtcdConnectionOptions } from './options.ts'
import { servicePath } from './service-name.ts'
import { WatchLinks } from './watch-links.ts'

/** Options of `EtcdRegistrar`. */
export interface EtcdRegistrarOptions extends EtcdConnectionOptions {
  /**
   * How many milliseconds after the last renewal etcd forgets an instance; whole seconds, rounded up. It is renewed after a third of
   * that.
   * @default 15_000
   */
  readonly ttlMs?: number | undefined
  /** Called with every failure after an instance was registered; `error.service` names its service. The renewal continues. */
  readonly onError?: ((error: DiscoveryError) => void) | undefined
}

const defaults = Object.freeze({ ttlMs: 15_000, timeoutMs: 5_000, probeIntervalMs: 15_000 })

/**
 * Registers instances in etcd: a key under a lease that is kept alive. When the lease is lost, or the key is deleted, the instance is
 * registered again.
 *
 *     const registrar = new EtcdRegistrar({ endpoints: ['http://10.0.0.1:2379'] })
 *     const registration = await registrar.register('orders', { host: '10.0.1.12', port: 8080 })
 */
export class EtcdRegistrar implements ServiceRegistrar {
  readonly #options: EtcdRegistrarOptions
  readonly #codec: Codec
  readonly #clock: Clock
  readonly #chance: Pick<EtcdRegistrarOptions, 'random'>
  readonly #client: EtcdClient
  readonly #links: WatchLinks
  /** Registered, or about to be. */
  readonly #registrations = new Set<Promise<Registration>>()
  #closed: Promise<void> | undefined

  /** @throws InvalidOptionError */
  constructor(options: EtcdRegistrarOptions = {}) {
    checkKeys('EtcdRegistrar', options, [...connectionKeys, 'ttlMs', 'onError'])
    checkConnectionOptions('EtcdRegistrar', options)
    checkDurationMs('EtcdRegistrar.ttlMs', options.ttlMs, { min: 1 })
    checkFunction('EtcdRegistrar.onError', options.onError)
    const codec = codecOf(options)
    if (codec.encode === undefined) rejectOption('EtcdRegistrar.codec', 'one that has encode', codec)
    this.#options = { ...options }
    this.#codec = codec
    this.#clock = options.clock ?? systemClock
    this.#chance = options.random === undefined ? {} : { random: options.random }
    this.#client = new EtcdClient('EtcdRegistrar', options)
    this.#links = new WatchLinks({
      client: this.#client,
      clock: this.#clock,
      ...this.#chance,
      timeoutMs: options.timeoutMs ?? defaults.timeoutMs,
      probeIntervalMs: defaults.probeIntervalMs,
    })
  }

  /**
   * Resolves when etcd has the instance.
   *
   * @throws DiscoveryError when the first registration fails, InvalidInstanceError, LoadBalancerClosedError after `close()`
   */
  async register(service: string, instance: ServiceInstanceInit): Promise<Registration> {
    if (this.#closed !== undefined) throw closedError(service)
    const registered = this.#register(service, parseInstance(instance))
    this.#registrations.add(registered)
    try {
      const registration = await registered
      // `close` takes it back.
      if (this.#closed !== undefined) throw closedError(service)
      return registration
    } catch (cause) {
      this.#registrations.delete(registered)
      throw cause
    }
  }

  /** Takes back every registration; failures to do so go to `onError`. Then ends connections and timers. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    const all = Array.from(this.#registrations, async (registered) => {
      const registration = await registered.catch(() => undefined)
      await registration?.deregister().catch((error: DiscoveryError) => this.#report(error))
    })
    await Promise.all(all)
    await this.#client.close()
  }

  async #register(service: string, instance: ServiceInstance): Promise<Registration> {
    const onError = (cause: unknown): void => this.#report(registryErrorOf(service, cause))
    let renewed: RenewedRegistration | undefined
    const steps = new KeyRegistration({
      client: this.#client,
      links: this.#links,
      clock: this.#clock,
      ...this.#chance,
      codec: this.#codec,
      path: servicePath(this.#options, this.#codec, service),
      instance,
      value: this.#codec.encode?.(instance, service) ?? '',
      ttlSeconds: Math.ceil((this.#options.ttlMs ?? defaults.ttlMs) / 1_000),
      onLost: () => renewed?.lost(),
      onError,
    })
    try {
      renewed = await RenewedRegistration.start(steps, { onError, clock: this.#clock, ...this.#chance })
    } catch (cause) {
      throw registryErrorOf(service, cause)
    }
    return this.#registration(service, instance, renewed)
  }

  #registration(service: string, instance: ServiceInstance, renewed: RenewedRegistration): Registration {
    let deregistered: Promise<void> | undefined
    const deregister = async (): Promise<void> => {
      try {
        await renewed.deregister()
      } catch (cause) {
        throw registryErrorOf(service, cause)
      }
    }
    return {
      service,
      instance,
      deregister: () => {
        deregistered ??= deregister()
        return deregistered
      },
    }
  }

  #report(error: DiscoveryError): void {
    try {
      this.#options.onError?.(error)
    } catch {
      // The listener's mistake is no reason to end the renewal.
    }
  }
}

function closedError(service: string): LoadBalancerClosedError {
  return new LoadBalancerClosedError(`${service}: the registrar was closed`, { service })
}
