import {
  type Clock,
  DiscoveryError,
  type DiscoveryObserver,
  type DiscoverySubscription,
  type ServiceDiscovery,
  type ServiceInstanceInit,
} from '@lb/core'
import { OpenSubscriptions, type PollOptions, type PollResult, poll, systemClock } from '@lb/core/authoring'
import { DnsFailure } from './errors.ts'
import { limited } from './limited.ts'
import { parseNameServer } from './name-server.ts'
import { checkOptions, type DnsSrvDiscoveryOptions } from './options.ts'
import { Resolver } from './resolver.ts'
import { type LookupConfiguration, ServiceLookup, type ServiceLookupResult } from './service-lookup.ts'
import { SystemConfiguration } from './system-configuration.ts'
import { TargetAddresses } from './target-addresses.ts'

const defaults = Object.freeze({
  name: '_http._tcp.{service}',
  resolvConf: '/etc/resolv.conf',
  timeoutMs: 2_000,
  tries: 2,
  resolveTargets: true,
})

/** When a watch asks again. `intervalMs` is for answers that do not say how long they hold. */
const refreshes: PollOptions = Object.freeze({
  minTtlMs: 1_000,
  maxTtlMs: 30_000,
  intervalMs: 10_000,
  retryMinMs: 1_000,
  retryMaxMs: 30_000,
  jitter: 0.2,
})

/**
 * Instances by DNS SRV records (RFC 2782): priority and weight as the records say, asked for again when their time to live
 * is over, between 1 s and 30 s.
 *
 *     new DnsSrvDiscovery({ name: '_http._tcp.{service}.service.consul.', servers: ['127.0.0.1:8600'] })
 *
 * A name that does not exist, or has no such records, is a service without instances. A question to which no server has
 * an answer (timeout, SERVFAIL, REFUSED, nonsense) is a failure.
 */
export class DnsSrvDiscovery implements ServiceDiscovery {
  readonly #options: DnsSrvDiscoveryOptions
  readonly #clock: Clock
  readonly #resolver: Resolver
  readonly #configuration: () => Promise<LookupConfiguration>
  /** One refresh, with every server silent, for its records and again for their addresses. */
  readonly #lookupLimitMs: number
  readonly #lookups = new Set<AbortController>()
  readonly #subscriptions = new OpenSubscriptions()

  /** @throws InvalidOptionError */
  constructor(options: DnsSrvDiscoveryOptions = {}) {
    checkOptions(options)
    // Copied, so that what the caller does to it later changes nothing.
    this.#options = { ...options }
    this.#clock = options.clock ?? systemClock
    const { timeoutMs = defaults.timeoutMs, tries = defaults.tries, transport } = options
    this.#resolver = new Resolver({ clock: this.#clock, timeoutMs, tries, onlyTcp: transport === 'tcp' })
    this.#configuration = configurationOf(this.#options, this.#clock)
    this.#lookupLimitMs = Math.max(10_000, 2 * timeoutMs * tries * (options.servers?.length ?? 3))
  }

  get [Symbol.toStringTag](): string {
    return 'DnsSrvDiscovery'
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
    signal?.throwIfAborted()
    const lookup = this.#lookup(service)
    const { instances } = await this.#run(service, lookup, signal, false)
    return instances
  }

  /** Refreshes as the times to live say. After a failure it backs off from 1 s to 30 s. */
  watch(service: string, observer: DiscoveryObserver): DiscoverySubscription {
    let lookup: ServiceLookup | undefined
    const refresh = async (_service: string, { signal }: { signal: AbortSignal }): Promise<PollResult> => {
      lookup ??= this.#lookup(service)
      return this.#run(service, lookup, signal, true)
    }
    const { random } = this.#options
    const watchPolled = poll(refresh, {
      ...refreshes,
      clock: this.#clock,
      // The lookup has a limit of its own, with a better message.
      timeoutMs: this.#lookupLimitMs + 1_000,
      ...(random === undefined ? {} : { random }),
    })
    return this.#subscriptions.open(service, observer, watchPolled)
  }

  /** Ends everything: watches, timers, sockets. What is under way rejects with LB_CLOSED; later calls do too. */
  close(): void {
    this.#subscriptions.close()
    for (const lookup of this.#lookups) lookup.abort(new DnsFailure('CLOSED', 'the discovery was closed'))
  }

  #lookup(service: string): ServiceLookup {
    this.#subscriptions.throwIfClosed(service)
    const { resolveTargets = defaults.resolveTargets, family } = this.#options
    const resolver = this.#resolver
    const configuration = this.#configuration
    try {
      const name = this.#nameOf(service)
      if (!resolveTargets) return new ServiceLookup(name, { resolver, configuration })
      const addresses = new TargetAddresses({ resolver, clock: this.#clock, family })
      return new ServiceLookup(name, { resolver, configuration, addresses })
    } catch (cause) {
      throw lookupError(service, cause)
    }
  }

  #nameOf(service: string): string {
    const { name = defaults.name } = this.#options
    // Otherwise what is left of the name could be one that exists.
    if (service === '') throw new DnsFailure('NAME', 'a service without a name cannot be asked for')
    if (typeof name === 'string') return name.replaceAll('{service}', () => service)
    const given: unknown = name(service)
    if (typeof given !== 'string') throw new DnsFailure('NAME', `the option name gave ${typeof given}, not a text`)
    return given
  }

  async #run(
    service: string,
    lookup: ServiceLookup,
    signal: AbortSignal | undefined,
    background: boolean,
  ): Promise<ServiceLookupResult> {
    this.#subscriptions.throwIfClosed(service)
    const controller = new AbortController()
    const abort = (): void => controller.abort(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    this.#lookups.add(controller)
    const limits = { clock: this.#clock, timeoutMs: this.#lookupLimitMs, signal: controller.signal, background }
    try {
      return await limited<ServiceLookupResult>(limits, (resolve, reject) => {
        lookup.run(limits).then(resolve, reject)
        return () => controller.abort()
      })
    } catch (cause) {
      if (signal?.aborted === true) throw signal.reason
      this.#subscriptions.throwIfClosed(service)
      throw lookupError(service, cause)
    } finally {
      this.#lookups.delete(controller)
      signal?.removeEventListener('abort', abort)
    }
  }
}

/** Explicit servers and domains win; the system is asked only for what is missing. */
function configurationOf(
  { servers, search, resolvConf = defaults.resolvConf }: DnsSrvDiscoveryOptions,
  clock: Clock,
): () => Promise<LookupConfiguration> {
  const system = new SystemConfiguration(resolvConf, clock)
  const givenServers = servers?.map(parseNameServer).filter((server) => server !== undefined)
  const givenSearch = search?.map((domain) => domain.replace(/\.$/, ''))
  return async () => {
    const conf = await system.current()
    return { ...conf, servers: givenServers ?? conf.servers, search: givenSearch ?? conf.search }
  }
}

function lookupError(service: string, cause: unknown): DiscoveryError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new DiscoveryError(`${service}: the lookup failed: ${reason}`, { service, cause })
}
