import {
  type Clock,
  DiscoveryError,
  type DiscoveryObserver,
  type DiscoverySubscription,
  type ServiceDiscovery,
  type ServiceInstanceInit,
} from '@lb/core'
import { type DefinedDiscovery, defineDiscovery, systemClock } from '@lb/core/authoring'
import { parseNameServer } from './name-server.ts'
import { checkOptions, type DnsSrvDiscoveryOptions } from './options.ts'
import { Resolver } from './resolver.ts'
import { type LookupConfiguration, ServiceLookup } from './service-lookup.ts'
import { domainNameOf } from './service-name.ts'
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
const refreshes = Object.freeze({
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
  readonly #discovery: DefinedDiscovery

  /** @throws InvalidOptionError */
  constructor(options: DnsSrvDiscoveryOptions = {}) {
    checkOptions(options)
    const { timeoutMs = defaults.timeoutMs, tries = defaults.tries, clock = systemClock } = options
    const { name = defaults.name, resolveTargets = defaults.resolveTargets, transport, family, random } = options
    const resolver = new Resolver({ clock, timeoutMs, tries, onlyTcp: transport === 'tcp' })
    const configuration = configurationOf(options, clock)
    // One refresh, with every server silent, for its records and again for their addresses.
    const limitMs = Math.max(10_000, 2 * timeoutMs * tries * (options.servers?.length ?? 3))
    this.#discovery = defineDiscovery({
      service: (service) =>
        new ServiceLookup(domainNameOf(name, service), {
          resolver,
          configuration,
          ...(resolveTargets && { addresses: new TargetAddresses({ resolver, clock, family }) }),
        }),
      askLimitMs: limitMs,
      poll: { ...refreshes, timeoutMs: limitMs },
      errorOf: lookupError,
      clock,
      random,
    })
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
  getInstances(
    service: string,
    options?: { signal?: AbortSignal | undefined },
  ): Promise<readonly ServiceInstanceInit[]> {
    return this.#discovery.getInstances(service, options)
  }

  /** Refreshes as the times to live say. After a failure it backs off from 1 s to 30 s. */
  watch(service: string, observer: DiscoveryObserver): DiscoverySubscription {
    return this.#discovery.watch(service, observer)
  }

  /** Ends everything: watches, timers, sockets. What is under way rejects with LB_CLOSED; later calls do too. */
  close(): void {
    // Nothing of it is waited for.
    void this.#discovery.close()
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
