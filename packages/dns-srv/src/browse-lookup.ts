import { InvalidInstanceError } from '@lb/core'
import { readInstances } from '@lb/core/authoring'
import { DnsFailure } from './errors.ts'
import { isDecidedlyUnavailable, type SrvInstance, srvInstances } from './instances.ts'
import { byName, type Kept, shortestTtlMs } from './kept-records.ts'
import type { Lookup, LookupQuestion, LookupResult } from './lookup.ts'
import type { DnsRecord, PointerRecord, SrvRecord, TextRecord } from './message.ts'
import { NameSearch } from './name-search.ts'
import type { TxtKeys } from './options.ts'
import { lookUp } from './record-lookup.ts'
import { hostsOfTargets, type SrvLookupOptions } from './srv-lookup.ts'
import { txtAttributes } from './txt-attributes.ts'

/** What browsing needs. */
export interface BrowseLookupOptions extends SrvLookupOptions {
  readonly txtKeys: TxtKeys
}

/** More names are refused: each costs two queries, and more for the addresses of its target. */
const maxNames = 1_024

/** An instance as its records describe it. */
interface Named {
  /** The name for people, such as `Web One`. */
  readonly label: string
  readonly srv: Kept<SrvRecord>
  readonly txt: Kept<TextRecord>
}

/**
 * The instances of a service by DNS-Based Service Discovery (RFC 6763): PTR records name them, and each name has an SRV and a
 * TXT record.
 */
export class BrowseLookup implements Lookup {
  readonly #search: NameSearch
  readonly #options: BrowseLookupOptions

  /** @throws DnsFailure when `name` is none that can be asked for */
  constructor(name: string, options: BrowseLookupOptions) {
    this.#search = new NameSearch(name)
    this.#options = options
  }

  async ask(question: LookupQuestion): Promise<LookupResult> {
    const { resolver, records, addresses, txtKeys } = this.#options
    records.startRefresh()
    const result = await this.#search.find(question, (name) => lookUp(resolver, name, 'PTR', question))
    if (!result.found)
      return { instances: [], rejected: [], ...(result.ttlMs !== undefined && { ttlMs: result.ttlMs }) }
    const names = await this.#named(result.records, result.additionals, question)
    const srvRecords = names.flatMap(({ srv }) => (isDecidedlyUnavailable(srv.records) ? [] : srv.records))
    const additionals = [...result.additionals, ...names.flatMap(({ srv }) => srv.additionals ?? [])]
    const hosts = await hostsOfTargets({ records: srvRecords, additionals }, addresses, question)
    const instances = srvInstances(srvRecords, hosts.hostsOf, { withTarget: addresses !== undefined })
    const kept = names.flatMap(({ srv, txt }) => [srv, txt])
    const failure = kept.find((each) => each.failure !== undefined)?.failure ?? hosts.failure
    if (instances.length === 0 && failure !== undefined) throw failure
    const nameOf = namesByAddress(names, hosts.hostsOf)
    const list = readInstances(
      instances,
      (instance) => described(instance, nameOf(instance), txtKeys),
      (instance) => `the instance ${JSON.stringify(nameOf(instance)?.label ?? instance.host)}`,
    )
    return { ...list, ttlMs: Math.min(result.ttlMs, hosts.ttlMs, records.ttlMs(kept)) }
  }

  /** The SRV and TXT records of each name, in the order of the names. */
  async #named(
    pointers: readonly PointerRecord[],
    additionals: readonly DnsRecord[],
    question: LookupQuestion,
  ): Promise<readonly Named[]> {
    const byTarget = new Map(pointers.filter(({ target }) => target !== '').map((each) => [each.target, each]))
    if (byTarget.size > maxNames) throw new DnsFailure('LIMIT', `${byTarget.size} instances, more than ${maxNames}`)
    const { records } = this.#options
    const sent = byName(additionals)
    const named = Array.from(byTarget).sort(([left], [right]) => (left < right ? -1 : 1))
    return Promise.all(
      named.map(async ([target, { label }]) => {
        for (const type of ['SRV', 'TXT'] as const) {
          const own = sent.get(target)?.filter((record) => record.type === type) ?? []
          if (own.length > 0) records.add(target, type, own, shortestTtlMs(own))
        }
        const [srv, txt] = await Promise.all([
          records.get(target, 'SRV', question),
          records.get(target, 'TXT', question),
        ])
        // Without its attributes it would be at the wrong place, or have the wrong weight.
        const isUnknown = txt.failure !== undefined && txt.records.length === 0
        return { label: label.toString('utf8'), srv: isUnknown ? { ...srv, records: [] } : srv, txt }
      }),
    )
  }
}

/** Which name an instance has: of several at one address, the first. */
function namesByAddress(
  names: readonly Named[],
  hostsOf: (target: string) => readonly string[],
): (instance: SrvInstance) => Named | undefined {
  const byAddress = new Map<string, Named>()
  for (const named of names.toReversed()) {
    for (const { target, port } of named.srv.records) {
      for (const host of hostsOf(target)) byAddress.set(`${host} ${port}`, named)
    }
  }
  return ({ host, port }) => byAddress.get(`${host} ${port}`)
}

/** The instance with what its TXT record says. @throws InvalidInstanceError */
function described(instance: SrvInstance, named: Named | undefined, txtKeys: TxtKeys): object {
  const attributes = txtAttributes(named?.txt.records ?? [])
  const [weight, zone, version] = [txtKeys.weight, txtKeys.zone, txtKeys.version].map((key) =>
    key === undefined ? undefined : attributes.get(key.toLowerCase()),
  )
  return {
    ...instance,
    ...(weight !== undefined && { weight: weightOf(weight) }),
    ...(zone !== undefined && zone !== '' && { zone }),
    metadata: {
      ...Object.fromEntries(attributes),
      ...(version !== undefined && { version }),
      ...instance.metadata,
      ...(named !== undefined && { instance: named.label }),
    },
  }
}

function weightOf(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text)
  throw new InvalidInstanceError('weight', `weight in its TXT record must be a number ≥ 0, got ${JSON.stringify(text)}`)
}
