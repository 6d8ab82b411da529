import {
  type Clock,
  DiscoveryError,
  type DiscoveryObserver,
  type DiscoverySubscription,
  type ServiceDiscovery,
  type ServiceInstanceInit,
} from '@lb/core'
import { checkDurationMs, checkKeys, OpenSubscriptions, systemClock } from '@lb/core/authoring'
import { EtcdClient } from './client.ts'
import type { Codec } from './codec.ts'
import { ServiceList } from './instances.ts'
import { keysUnder } from './key-range.ts'
import { checkConnectionOptions, codecOf, connectionKeys, type EtcdConnectionOptions, servicePath } from './options.ts'
import { watchService } from './service-watch.ts'
import { WatchLinks } from './watch-links.ts'

export interface EtcdDiscoveryOptions extends EtcdConnectionOptions {
  /**
   * How many milliseconds the connection of the watches may be silent before its endpoint is asked whether it should be. Default 15 000.
   */
  readonly probeIntervalMs?: number | undefined
}

const defaults = Object.freeze({ timeoutMs: 5_000, probeIntervalMs: 15_000 })

/**
 * Instances that are registered in etcd, over the JSON gateway of its v3 API: each service is listed once and then watched from there,
 * all of them on one connection.
 *
 *     new EtcdDiscovery({ endpoints: ['http://10.0.0.1:2379', 'http://10.0.0.2:2379'], codec: 'kratos' })
 *
 * A service without keys is a service without instances. A value that cannot be read leaves out that instance only.
 */
export class EtcdDiscovery implements ServiceDiscovery {
  readonly #options: EtcdDiscoveryOptions
  readonly #codec: Codec
  readonly #clock: Clock
  readonly #client: EtcdClient
  readonly #links: WatchLinks
  readonly #subscriptions = new OpenSubscriptions()
  #closed: Promise<void> | undefined

  /** @throws InvalidOptionError */
  constructor(options: EtcdDiscoveryOptions = {}) {
    checkKeys('EtcdDiscovery', options, [...connectionKeys, 'probeIntervalMs'])
    checkConnectionOptions('EtcdDiscovery', options)
    checkDurationMs('EtcdDiscovery.probeIntervalMs', options.probeIntervalMs, { min: 1 })
    // Copied, so that what the caller does to it later changes nothing.
    this.#options = { ...options }
    this.#codec = codecOf(options)
    this.#clock = options.clock ?? systemClock
    this.#client = new EtcdClient('EtcdDiscovery', options)
    this.#links = new WatchLinks({
      client: this.#client,
      clock: this.#clock,
      ...(options.random && { random: options.random }),
      timeoutMs: options.timeoutMs ?? defaults.timeoutMs,
      probeIntervalMs: options.probeIntervalMs ?? defaults.probeIntervalMs,
    })
  }

  get [Symbol.toStringTag](): string {
    return 'EtcdDiscovery'
  }

  /**
   * Asks now; a quorum of etcd has to be there to answer.
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
    const path = this.#pathOf(service)
    try {
      const { entries } = await this.#client.range(keysUnder(path), signal === undefined ? {} : { signal })
      return new ServiceList(service, path, this.#codec).of(entries)
    } catch (cause) {
      if (signal?.aborted === true) throw signal.reason
      this.#subscriptions.throwIfClosed(service)
      throw this.#errorOf(service, cause)
    }
  }

  /**
   * Tells the list, and every change from then on; changes within 50 ms of each other together. After a failure it goes on from the
   * revision that was reached, with delays of up to 1 s, 2 s, 4 s … 30 s.
   */
  watch(service: string, observer: DiscoveryObserver): DiscoverySubscription {
    return this.#subscriptions.open(service, observer, (_service, open) => this.#watch(service, open))
  }

  /** Ends everything: watches, timers, connections. What is under way rejects with LB_CLOSED; later calls do too. */
  close(): Promise<void> {
    if (this.#closed === undefined) {
      this.#subscriptions.close()
      this.#closed = this.#client.close()
    }
    return this.#closed
  }

  #watch(service: string, observer: DiscoveryObserver): DiscoverySubscription {
    const path = this.#pathOf(service)
    const options = {
      service,
      range: keysUnder(path),
      list: new ServiceList(service, path, this.#codec),
      client: this.#client,
      links: this.#links,
      clock: this.#clock,
      ...(this.#options.random && { random: this.#options.random }),
      errorOf: (cause: unknown) => this.#errorOf(service, cause),
    }
    return watchService(options, observer)
  }

  #pathOf(service: string): string {
    // Its instances would be those of every service.
    if (service === '') throw new DiscoveryError('a service without a name cannot be asked for', { service })
    return servicePath(this.#options, this.#codec, service)
  }

  #errorOf(service: string, cause: unknown): DiscoveryError {
    const reason = cause instanceof Error ? cause.message : String(cause)
    return new DiscoveryError(`${service}: ${reason}`, { service, cause })
  }
}
