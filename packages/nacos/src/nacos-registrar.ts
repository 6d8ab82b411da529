import {
  DiscoveryError,
  InvalidInstanceError,
  LoadBalancerClosedError,
  parseInstance,
  type Registration,
  type ServiceInstance,
  type ServiceInstanceInit,
  type ServiceRegistrar,
} from '@lb/core'
import { RenewedRegistration } from '@lb/core/authoring'
import { registryErrorOf } from '@lb/registry-http'
import { Beats } from './beats.ts'
import { NacosClient } from './client.ts'
import { defaultCluster } from './instances.ts'
import { checkRegistrarOptions, type NacosRegistrarOptions } from './options.ts'
import { groupedName, serviceNameProblem } from './service-name.ts'

/** Nacos refuses more. */
const maxWeight = 10_000

/**
 * Registers instances in Nacos and keeps them there: beats as often as the server says, and registers again what it no longer knows.
 *
 *     const registrar = new NacosRegistrar({ servers: ['http://10.0.0.1:8848'] })
 *     const registration = await registrar.register('user-service', { host: '10.0.1.12', port: 8080, weight: 2 })
 *     …
 *     await registrar.close()
 */
export class NacosRegistrar implements ServiceRegistrar {
  readonly #options: NacosRegistrarOptions
  readonly #client: NacosClient
  /** Of each registration that is made or was, how it ends. */
  readonly #kept = new Set<() => Promise<void>>()
  #closing: Promise<void> | undefined

  /** @throws InvalidOptionError */
  constructor(options: NacosRegistrarOptions = {}) {
    checkRegistrarOptions(options)
    this.#options = { ...options }
    this.#client = new NacosClient('NacosRegistrar', options)
  }

  /**
   * Resolves when Nacos knows the instance. `weight` is at most 10 000; `zone`, `priority` and `secure` become metadata.
   *
   * @throws DiscoveryError when the first registration fails, InvalidInstanceError, LoadBalancerClosedError after `close()`
   */
  async register(service: string, init: ServiceInstanceInit): Promise<Registration> {
    if (this.#closing !== undefined) throw closedError(service)
    const instance = parseInstance(init)
    const beats = this.#beatsOf(service, instance)
    const { onError = () => {}, clock, random } = this.#options
    const started = RenewedRegistration.start(beats, {
      onError: (cause) => onError(registryErrorOf(service, cause)),
      ...(clock !== undefined && { clock }),
      ...(random !== undefined && { random }),
    })
    const end = once(async () => {
      // What is not registered yet has to be, before it can be taken back.
      const renewed = await started.catch(() => undefined)
      try {
        await renewed?.deregister()
      } catch (cause) {
        throw registryErrorOf(service, cause)
      } finally {
        this.#kept.delete(end)
      }
    })
    this.#kept.add(end)
    try {
      await started
    } catch (cause) {
      this.#kept.delete(end)
      throw this.#closing === undefined ? registryErrorOf(service, cause) : closedError(service)
    }
    if (this.#closing !== undefined) throw closedError(service)
    return { service, instance, deregister: end }
  }

  /** Takes back every registration, and ends connections and timers. Failures to take back go to `onError`. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const ends = Array.from(this.#kept, (end) => end())
    for (const result of await Promise.allSettled(ends)) {
      if (result.status === 'rejected') this.#report(result.reason)
    }
    await this.#client.close()
  }

  #report(cause: unknown): void {
    try {
      this.#options.onError?.(cause)
    } catch {
      // The listener's mistake is no reason to leave the others registered.
    }
  }

  #beatsOf(service: string, instance: ServiceInstance): Beats {
    const { group = 'DEFAULT_GROUP', namespace = 'public', cluster = defaultCluster } = this.#options
    const name = groupedName(service, group)
    const problem = serviceNameProblem(name)
    if (problem !== undefined) {
      throw new DiscoveryError(`${JSON.stringify(service)} cannot be registered: ${problem}`, { service })
    }
    if (instance.weight > maxWeight) {
      const message = `weight of an instance in Nacos must be at most ${maxWeight}, got ${instance.weight}. Divide all weights of the service`
      throw new InvalidInstanceError('weight', `${service}: ${message}`, { service })
    }
    return new Beats(this.#client, { service: name, instance, namespace, cluster })
  }
}

/** The same promise, however often it is called. */
function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => {
    running ??= run()
    return running
  }
}

function closedError(service: string): LoadBalancerClosedError {
  return new LoadBalancerClosedError(`${service}: the registrar was closed`, { service })
}
