import { readInstances } from '@lb/core/authoring'
import { domainNameProblem } from './domain-name.ts'
import { isDecidedlyUnavailable, srvInstances } from './instances.ts'
import type { KeptRecords } from './kept-records.ts'
import type { Lookup, LookupQuestion, LookupResult } from './lookup.ts'
import type { DnsRecord, SrvRecord } from './message.ts'
import { NameSearch } from './name-search.ts'
import { lookUp } from './record-lookup.ts'
import type { Resolver } from './resolver.ts'
import type { TargetAddresses } from './target-addresses.ts'

/** What a lookup of SRV records needs. */
export interface SrvLookupOptions {
  readonly resolver: Resolver
  readonly records: KeptRecords
  /** `undefined`: the target is the host. */
  readonly addresses: TargetAddresses | undefined
}

/** The instances of a service by the SRV records of its name. */
export class SrvLookup implements Lookup {
  readonly #search: NameSearch
  readonly #options: SrvLookupOptions

  /** @throws DnsFailure when `name` is none that can be asked for */
  constructor(name: string, options: SrvLookupOptions) {
    this.#search = new NameSearch(name)
    this.#options = options
  }

  async ask(question: LookupQuestion): Promise<LookupResult> {
    const { resolver, records, addresses } = this.#options
    records.startRefresh()
    const result = await this.#search.find(question, (name) => lookUp(resolver, name, 'SRV', question))
    if (!result.found || isDecidedlyUnavailable(result.records)) {
      return { instances: [], rejected: [], ...(result.ttlMs !== undefined && { ttlMs: result.ttlMs }) }
    }
    const { hostsOf, ttlMs, failure } = await hostsOfTargets(result, addresses, question)
    const instances = srvInstances(result.records, hostsOf, { withTarget: addresses !== undefined })
    if (instances.length === 0 && failure !== undefined) throw failure
    const list = readInstances(
      instances,
      (instance) => instance,
      ({ host, port }) => `the SRV record of ${host} port ${port}`,
    )
    return { ...list, ttlMs: Math.min(result.ttlMs, ttlMs) }
  }
}

/** The hosts of targets, how long they hold, and why one of them is not known. */
export interface TargetHosts {
  readonly hostsOf: (target: string) => readonly string[]
  readonly ttlMs: number
  readonly failure?: unknown
}

/** The addresses of the targets of SRV records, or, without `addresses`, the targets themselves. */
export async function hostsOfTargets(
  { records, additionals }: { readonly records: readonly SrvRecord[]; readonly additionals: readonly DnsRecord[] },
  addresses: TargetAddresses | undefined,
  question: LookupQuestion,
): Promise<TargetHosts> {
  if (addresses === undefined) return { hostsOf: (target) => [target], ttlMs: Number.POSITIVE_INFINITY }
  const targets = [...new Set(records.map(({ target }) => target))].filter(isAskable)
  const resolved = await addresses.resolve(targets, additionals, question)
  return {
    ...resolved,
    // A target that is no host name stays, to be rejected by its name.
    hostsOf: (target) => (isAskable(target) ? (resolved.addresses.get(target) ?? []) : [target]),
  }
}

function isAskable(target: string): boolean {
  return domainNameProblem(target) === undefined
}
