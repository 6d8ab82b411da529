import { type InstanceList, type Question, type RegistryService, readInstances } from '@lb/core/authoring'
import { domainNameProblem, searchedNames } from './domain-name.ts'
import { DnsFailure } from './errors.ts'
import { isDecidedlyUnavailable, type SrvInstance, srvInstances } from './instances.ts'
import type { SrvRecord } from './message.ts'
import type { NameServer } from './name-server.ts'
import { type LookupResult, lookUp } from './record-lookup.ts'
import type { QueryContext, Resolver } from './resolver.ts'
import type { TargetAddresses } from './target-addresses.ts'

/** Which servers a lookup asks, and under which domains. */
export interface LookupConfiguration {
  readonly servers: readonly NameServer[]
  readonly search: readonly string[]
  readonly ndots: number
}

export interface ServiceLookupOptions {
  readonly resolver: Resolver
  /** Absent: the target is the host. */
  readonly addresses?: TargetAddresses
  readonly configuration: () => Promise<LookupConfiguration>
}

export interface ServiceLookupResult extends InstanceList {
  /** How long that holds; absent when no server said. */
  readonly ttlMs?: number
}

/**
 * Looks up one service again and again. It remembers under which of the searched names the service was found: when that
 * name cannot be looked up for a while, another one of the list is no substitute for it.
 */
export class ServiceLookup implements RegistryService {
  readonly #name: string
  readonly #options: ServiceLookupOptions
  #foundAs: string | undefined

  /** @throws DnsFailure when `name` is none that can be asked for */
  constructor(name: string, options: ServiceLookupOptions) {
    const problem = domainNameProblem(name.replace(/\.$/, ''))
    if (problem !== undefined) throw new DnsFailure('NAME', `the name ${JSON.stringify(name)} ${problem}`)
    this.#name = name
    this.#options = options
  }

  /** @throws DnsFailure when it cannot be known which instances there are */
  async ask(question: Question): Promise<ServiceLookupResult> {
    const configuration = await this.#options.configuration()
    const context: QueryContext = { ...question, servers: configuration.servers }
    const result = await this.#search(configuration, context)
    if (!result.found || isDecidedlyUnavailable(result.records)) return withTtl([], result.ttlSeconds)
    const { addresses } = this.#options
    if (addresses === undefined) {
      const instances = srvInstances(result.records, (target) => [target], { withTarget: false })
      return withTtl(instances, result.ttlSeconds)
    }
    return this.#resolveTargets(result, addresses, context)
  }

  /** The first of the searched names that has records. */
  async #search(configuration: LookupConfiguration, context: QueryContext): Promise<LookupResult<SrvRecord>> {
    let failure: unknown
    let ttlSeconds: number | undefined
    for (const name of searchedNames(this.#name, configuration)) {
      try {
        const result = await lookUp(this.#options.resolver, name, 'SRV', context)
        if (result.found) {
          this.#foundAs = name
          return result
        }
        ttlSeconds = smaller(ttlSeconds, result.ttlSeconds)
      } catch (cause) {
        context.signal.throwIfAborted()
        if (!(cause instanceof DnsFailure) || name === this.#foundAs || endsSearch.has(cause.code)) throw cause
        failure ??= cause
      }
    }
    // The name that failed may be the one that has records.
    if (failure !== undefined) throw failure
    return { found: false, ...(ttlSeconds === undefined ? {} : { ttlSeconds }) }
  }

  async #resolveTargets(
    { records, additionals, ttlSeconds }: Extract<LookupResult<SrvRecord>, { found: true }>,
    addresses: TargetAddresses,
    context: QueryContext,
  ): Promise<ServiceLookupResult> {
    const targets = [...new Set(records.map(({ target }) => target))].filter(isAskable)
    const resolved = await addresses.resolve(targets, additionals, context)
    // A target that is no host name stays, to be rejected by its name.
    const hostsOf = (target: string): readonly string[] =>
      isAskable(target) ? (resolved.addresses.get(target) ?? []) : [target]
    const instances = srvInstances(records, hostsOf, { withTarget: true })
    if (instances.length === 0 && resolved.failure !== undefined) throw resolved.failure
    return withTtl(instances, Math.min(ttlSeconds, resolved.ttlSeconds))
  }
}

/** With these the servers are out of reach, and other names would only take as long to fail. */
const endsSearch: ReadonlySet<string> = new Set(['TIMEOUT', 'NETWORK', 'NO_SERVER'])

function isAskable(target: string): boolean {
  return domainNameProblem(target) === undefined
}

function withTtl(instances: readonly SrvInstance[], ttlSeconds: number | undefined): ServiceLookupResult {
  const list = readInstances(
    instances,
    (instance) => instance,
    ({ host, port }) => `the SRV record of ${host} port ${port}`,
  )
  return ttlSeconds === undefined ? list : { ...list, ttlMs: ttlSeconds * 1_000 }
}

function smaller(left: number | undefined, right: number | undefined): number | undefined {
  if (left === undefined || right === undefined) return left ?? right
  return Math.min(left, right)
}
