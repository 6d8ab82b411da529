import {
  type Clock,
  DiscoveryError,
  type DiscoveryObserver,
  type DiscoverySubscription,
  type Random,
  type ServiceDiscovery,
  type ServiceInstanceInit,
} from '@lb/core'
import { OpenSubscriptions, systemClock, systemRandom, type WatchSession, watchInSessions } from '@lb/core/authoring'
import { RegistryError } from '@lb/registry-http'
import { NacosClient } from './client.ts'
import { HintedPause } from './hinted-pause.ts'
import { type InstanceList, MalformedAnswer, readInstanceList } from './instances.ts'
import { listRequest } from './list-request.ts'
import { checkDiscoveryOptions, type NacosDiscoveryOptions } from './options.ts'
import { PushReceiver } from './push-receiver.ts'
import { serviceError } from './service-error.ts'
import { type GroupedName, groupedName, joinedName, serviceNameProblem } from './service-name.ts'

/** Bounds for what a server says of how long its answer holds. */
const [minIntervalMs, maxIntervalMs] = [1_000, 60_000]
/** Part of each delay that is random; delays only ever get shorter. */
const intervalJitter = 0.2
const retryJitter = 0.5
const [retryMinMs, retryMaxMs] = [1_000, 60_000]

/**
 * Instances that are registered in Nacos, over its HTTP API: version 3, or version 1 where a server does not have that. Nacos does not push over
 * HTTP, so that a watch asks again and again: as often as the server says, or every `pollIntervalMs`.
 *
 *     new NacosDiscovery({ servers: ['http://10.0.0.1:8848', 'http://10.0.0.2:8848'], namespace: 'prod', group: 'ORDERS' })
 *
 * A service that nobody knows is one without instances: Nacos makes no difference.
 */
export class NacosDiscovery implements ServiceDiscovery {
  readonly #options: NacosDiscoveryOptions
  readonly #clock: Clock
  readonly #random: Random
  readonly #client: NacosClient
  readonly #pushes: PushReceiver | undefined
  readonly #subscriptions = new OpenSubscriptions()
  #closing: Promise<void> | undefined

  /** @throws InvalidOptionError */
  constructor(options: NacosDiscoveryOptions = {}) {
    checkDiscoveryOptions(options)
    const { clusters, udpPush, clock = systemClock, random = systemRandom } = options
    this.#clock = clock
    this.#random = random
    this.#client = new NacosClient('NacosDiscovery', options)
    // Copied, so that what the caller does to it later changes nothing.
    this.#options = { ...options, ...(clusters !== undefined && { clusters: [...clusters] }) }
    this.#pushes = udpPush === undefined ? undefined : new PushReceiver({ ...udpPush }, clock)
  }

  get [Symbol.toStringTag](): string {
    return 'NacosDiscovery'
  }

  /**
   * Asks now, whatever is cached.
   *
   * @throws DiscoveryError when it cannot be known which instances there are; the reason of `signal` when that is aborted;
   * LoadBalancerClosedError
   */
  async getInstances(
    service: string,
    { signal }: { signal?: AbortSignal | undefined } = {},
  ): Promise<readonly ServiceInstanceInit[]> {
    const { instances } = await this.#list(service, signal, false)
    return instances
  }

  /** Asks as often as the answers say. After a failure it backs off from 1 s to 60 s. */
  watch(service: string, observer: DiscoveryObserver): DiscoverySubscription {
    const follow = watchInSessions((_service, session) => this.#follow(service, session), {
      clock: this.#clock,
      random: this.#random,
    })
    return this.#subscriptions.open(service, observer, follow)
  }

  /** Ends everything: watches, timers, sockets. What is under way rejects with LB_CLOSED; later calls do too. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#subscriptions.close()
    await Promise.all([this.#client.close(), this.#pushes?.close()])
  }

  /** Until the subscription is closed. */
  async #follow(service: string, session: WatchSession): Promise<void> {
    const pause = new HintedPause(this.#clock, this.#random)
    await this.#openPushes(service, session)
    const end = this.#pushes?.listen(joinedName(this.#nameOf(service)), () => pause.hint())
    try {
      for (let failures = 0; !session.signal.aborted; ) {
        const turn = await this.#turn(service, session)
        failures = turn.failure === undefined ? 0 : failures + 1
        await pause.wait(this.#delayMs(turn, failures), session.signal)
      }
    } finally {
      end?.()
    }
  }

  async #openPushes(service: string, session: WatchSession): Promise<void> {
    try {
      await this.#pushes?.open()
    } catch (cause) {
      session.error(serviceError(service, cause))
    }
  }

  async #turn(service: string, session: WatchSession): Promise<{ failure?: unknown; cacheMillis?: number }> {
    try {
      const { instances, cacheMillis } = await this.#list(service, session.signal, true)
      session.next(instances)
      return cacheMillis === undefined ? {} : { cacheMillis }
    } catch (failure) {
      session.error(failure)
      return { failure }
    }
  }

  #delayMs({ failure, cacheMillis }: { failure?: unknown; cacheMillis?: number }, failures: number): number {
    if (failure === undefined) {
      const { pollIntervalMs = 10_000 } = this.#options
      const bounded =
        cacheMillis === undefined ? pollIntervalMs : Math.max(minIntervalMs, Math.min(cacheMillis, maxIntervalMs))
      return bounded * (1 - intervalJitter * this.#random())
    }
    const asked = failure instanceof RegistryError ? failure.retryAfterMs : undefined
    if (asked !== undefined) return Math.min(asked, retryMaxMs) * (1 + retryJitter * this.#random())
    const limitMs = Math.min(retryMaxMs, retryMinMs * 2 ** Math.min(failures - 1, 30))
    return limitMs * (1 - retryJitter * this.#random())
  }

  async #list(service: string, signal: AbortSignal | undefined, background: boolean): Promise<InstanceList> {
    signal?.throwIfAborted()
    this.#subscriptions.throwIfClosed(service)
    const name = this.#nameOf(service)
    const { namespace = 'public', clusters } = this.#options
    const push = background ? this.#pushes?.address : undefined
    const request = {
      ...listRequest(name, { namespace, clusters, push }),
      background,
      ...(signal !== undefined && { signal }),
    }
    try {
      const given = await this.#client.ask(request)
      try {
        return readInstanceList(given.version, given.answer.json(), name)
      } catch (cause) {
        if (cause instanceof MalformedAnswer) throw this.#client.error(given, request, `no list: ${cause.message}`)
        throw cause
      }
    } catch (cause) {
      if (signal?.aborted === true) throw signal.reason
      this.#subscriptions.throwIfClosed(service)
      throw serviceError(service, cause)
    }
  }

  #nameOf(service: string): GroupedName {
    const name = groupedName(service, this.#options.group ?? 'DEFAULT_GROUP')
    const problem = serviceNameProblem(name)
    if (problem === undefined) return name
    throw new DiscoveryError(`${JSON.stringify(service)} cannot be asked for: ${problem}`, { service })
  }
}
