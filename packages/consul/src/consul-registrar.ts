import {
  type Clock,
  InvalidInstanceError,
  LoadBalancerClosedError,
  parseInstance,
  type Random,
  type ServiceInstanceInit,
  type ServiceRegistrar,
} from '@lb/core'
import { systemClock, systemRandom } from '@lb/core/authoring'
import { AgentRegistration } from './agent-registration.ts'
import { ConsulClient, connectionsForQuickAnswers } from './client.ts'
import { connectionOf } from './connection-options.ts'
import { type ConsulRegistration, KeptRegistration } from './consul-registration.ts'
import { type ConsulRegistrarOptions, type RegistrarSettings, registrarSettings } from './registrar-options.ts'
import { serviceDefinition } from './service-definition.ts'
import { checkServiceName } from './service-name.ts'

const owner = 'ConsulRegistrar'
const retryMaxMs = 10_000

/**
 * Registers instances with the agent on their machine, and keeps them registered: by a check that the registrar renews (TTL), or one
 * with which the agent asks the instance (HTTP).
 *
 *     const registrar = new ConsulRegistrar({ tags: ['v2'] })
 *     const registration = await registrar.register('user-service', { host: '10.0.1.12', port: 8080, weight: 10 })
 *     await registrar.close()
 */
export class ConsulRegistrar implements ServiceRegistrar {
  readonly #settings: RegistrarSettings
  readonly #agent: ConsulClient
  readonly #clock: Clock
  readonly #random: Random
  readonly #onError: (cause: unknown) => void
  readonly #registrations = new Map<string, KeptRegistration>()
  #closed: Promise<void> | undefined

  /** @throws InvalidOptionError */
  constructor(options: ConsulRegistrarOptions = {}) {
    this.#settings = registrarSettings(owner, options)
    const connection = connectionOf(owner, options)
    this.#clock = options.clock ?? systemClock
    this.#random = options.random ?? systemRandom
    this.#onError = options.onError ?? (() => {})
    const time = { clock: this.#clock, random: this.#random }
    this.#agent = new ConsulClient({ owner, connection, maxConnections: connectionsForQuickAnswers, ...time })
  }

  /**
   * Resolves when the agent knows the instance.
   *
   * @throws DiscoveryError when the first registration fails; InvalidInstanceError when Consul cannot hold the instance, or it is
   * registered already; LoadBalancerClosedError after `close()`
   */
  async register(service: string, init: ServiceInstanceInit): Promise<ConsulRegistration> {
    this.#checkOpen(service)
    checkServiceName(service)
    const instance = parseInstance(init)
    const definition = serviceDefinition(service, instance, this.#settings)
    const key = definition.ID
    if (this.#registrations.has(key)) {
      const message = `id of an instance must be registered once, ${JSON.stringify(instance.id)} is already. Deregister it first`
      throw new InvalidInstanceError('id', message, { service })
    }
    const steps = new AgentRegistration(this.#agent, definition, this.#settings)
    const registration = new KeptRegistration(service, instance, steps, {
      onError: this.#onError,
      onEnd: () => this.#registrations.delete(key),
      retryMaxMs: Math.min(retryMaxMs, steps.everyMs),
      clock: this.#clock,
      random: this.#random,
    })
    this.#registrations.set(key, registration)
    await registration.started()
    this.#checkOpen(service)
    return registration
  }

  /** Takes every registration back, also those under way, and ends connections and timers. Failures go to `onError`. */
  close(): Promise<void> {
    this.#closed ??= this.#end()
    return this.#closed
  }

  async #end(): Promise<void> {
    const registrations = [...this.#registrations.values()]
    const results = await Promise.allSettled(registrations.map((registration) => registration.deregister()))
    for (const result of results) if (result.status === 'rejected') this.#report(result.reason)
    await this.#agent.close()
  }

  #checkOpen(service: string): void {
    if (this.#closed === undefined) return
    throw new LoadBalancerClosedError(`${service}: the registrar was closed`, { service })
  }

  #report(cause: unknown): void {
    try {
      this.#onError(cause)
    } catch {
      // The listener's mistake is no reason to leave connections open.
    }
  }
}
