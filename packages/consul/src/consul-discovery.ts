import {
  type Clock,
  type DiscoveryObserver,
  type DiscoverySubscription,
  OpenSubscriptions,
  type ServiceDiscovery,
  type ServiceInstanceInit,
  systemClock,
  systemRandom,
  watchInSessions,
} from '@lb/core'
import { RegistryError } from '@lb/registry-http'
import { Agent, connectionsForQuickAnswers } from './agent.ts'
import { BlockingSlots } from './blocking-slots.ts'
import { connectionOf } from './connection-options.ts'
import { type ConsulDiscoveryOptions, checkDiscoveryOptions } from './discovery-options.ts'
import { ServiceHealth } from './service-health.ts'
import { watchService } from './service-watch.ts'

const defaults = Object.freeze({ maxBlockingQueries: 100, pollIntervalMs: 10_000, churnIntervalMs: 15_000 })

const owner = 'ConsulDiscovery'

/**
 * Instances of services in Consul, with their health, weights and metadata: by blocking queries, so that changes are seen at once.
 *
 *     new ConsulDiscovery({ address: 'http://127.0.0.1:8500', tag: 'v2' })
 *
 * All instances are told, those that are critical as not healthy. A warning one has its weight for warnings; one in maintenance has
 * weight 0.
 */
export class ConsulDiscovery implements ServiceDiscovery {
  readonly #agent: Agent
  readonly #health: ServiceHealth
  readonly #watch: (service: string, observer: DiscoveryObserver) => DiscoverySubscription
  readonly #subscriptions = new OpenSubscriptions()

  /** @throws InvalidOptionError */
  constructor(options: ConsulDiscoveryOptions = {}) {
    checkDiscoveryOptions(owner, options)
    const connection = connectionOf(owner, options)
    const { maxBlockingQueries = defaults.maxBlockingQueries } = options
    const { pollIntervalMs = defaults.pollIntervalMs, churnIntervalMs = defaults.churnIntervalMs } = options
    const clock: Clock = options.clock ?? systemClock
    const random = options.random ?? systemRandom
    const maxConnections = maxBlockingQueries + connectionsForQuickAnswers
    this.#agent = new Agent({ owner, connection, maxConnections, clock, random })
    const health = new ServiceHealth(this.#agent, options, connection.timeoutMs)
    this.#health = health
    const slots = new BlockingSlots(maxBlockingQueries)
    const watchOptions = { health, slots, pollIntervalMs, churnIntervalMs, clock, random }
    this.#watch = watchInSessions((service, session) => watchService(service, session, watchOptions), {
      retryMinMs: 500,
      retryMaxMs: 30_000,
      retryAfterMs: (cause) => (cause instanceof RegistryError ? cause.retryAfterMs : undefined),
      clock,
      random,
    })
  }

  get [Symbol.toStringTag](): string {
    return 'ConsulDiscovery'
  }

  /**
   * Asks now, whatever is known from a watch.
   *
   * @throws DiscoveryError when it cannot be known which instances there are; the reason of `signal` when that is aborted;
   * LoadBalancerClosedError
   */
  async getInstances(
    service: string,
    { signal }: { signal?: AbortSignal | undefined } = {},
  ): Promise<readonly ServiceInstanceInit[]> {
    signal?.throwIfAborted()
    this.#subscriptions.throwIfClosed(service)
    try {
      const { instances } = await this.#health.ask(service, { index: undefined, signal, background: false })
      return instances
    } catch (cause) {
      if (signal?.aborted !== true) this.#subscriptions.throwIfClosed(service)
      throw cause
    }
  }

  /** Tells changes as they happen. After a failure it backs off from half a second to 30 s. */
  watch(service: string, observer: DiscoveryObserver): DiscoverySubscription {
    return this.#subscriptions.open(service, observer, this.#watch)
  }

  /** Ends everything: watches, timers, connections. What is under way rejects with LB_CLOSED; later calls do too. */
  async close(): Promise<void> {
    this.#subscriptions.close()
    await this.#agent.close()
  }
}
