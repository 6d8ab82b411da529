import { DnsFailure } from './errors.ts'
import { byName, type Kept, type KeptRecords, shortestTtlMs } from './kept-records.ts'
import type { AddressRecord, DnsRecord } from './message.ts'
import type { QueryContext } from './resolver.ts'
import { routableAddresses } from './routable-addresses.ts'

/** IPv4 or IPv6. */
export type AddressFamily = 4 | 6

export interface TargetAddressesOptions {
  readonly records: KeptRecords
  /** `undefined`: both. */
  readonly family: AddressFamily | undefined
  /** Whether addresses of a family without a route are left out. */
  readonly checkRoutes: boolean
}

export interface ResolvedTargets {
  /** A target without addresses has none in DNS, or none that can be used, or they could not be looked up. */
  readonly addresses: ReadonlyMap<string, readonly string[]>
  readonly ttlMs: number
  /** Why no address of a target is known, or none is up to date. */
  readonly failure?: unknown
}

/** More targets whose addresses must be asked for are refused. */
const maxAskedTargets = 1_024

/** The addresses of hosts. What an answer brought along is taken; the rest is asked for, and kept for its time to live. */
export class TargetAddresses {
  readonly #records: KeptRecords
  readonly #types: readonly AddressRecord['type'][]
  readonly #checkRoutes: boolean

  constructor({ records, family, checkRoutes }: TargetAddressesOptions) {
    this.#records = records
    this.#types = addressTypes.filter((type) => family === undefined || family === (type === 'A' ? 4 : 6))
    this.#checkRoutes = checkRoutes
  }

  async resolve(
    targets: readonly string[],
    additionals: readonly DnsRecord[],
    context: QueryContext,
  ): Promise<ResolvedTargets> {
    this.#takeAlong(targets, additionals)
    const asked = targets.filter((target) => !this.#types.every((type) => this.#records.has(target, type)))
    if (asked.length > maxAskedTargets) {
      throw new DnsFailure('LIMIT', `${asked.length} targets without addresses, more than ${maxAskedTargets}`)
    }
    const known = await Promise.all(
      targets.map((target) => Promise.all(this.#types.map((type) => this.#records.get(target, type, context)))),
    )
    return {
      addresses: await this.#usable(new Map(targets.map((target, index) => [target, addressesIn(known[index] ?? [])]))),
      ttlMs: this.#records.ttlMs(known.flatMap(decisive)),
      failure: known.map(failureOf).find((failure) => failure !== undefined),
    }
  }

  /** One family that was sent along is taken as all there is: to ask for the other would cost a query for each target. */
  #takeAlong(targets: readonly string[], additionals: readonly DnsRecord[]): void {
    const sent = byName(additionals.filter((record) => this.#isWanted(record)))
    for (const target of targets) {
      const records = sent.get(target)
      if (records === undefined) continue
      const ttlMs = shortestTtlMs(records)
      for (const type of this.#types) {
        const ofType = records.filter((record) => record.type === type)
        this.#records.add(target, type, ofType, ttlMs)
      }
    }
  }

  #isWanted(record: DnsRecord): boolean {
    return this.#types.some((type) => type === record.type)
  }

  async #usable(addresses: ReadonlyMap<string, readonly string[]>): Promise<ReadonlyMap<string, readonly string[]>> {
    if (!this.#checkRoutes) return addresses
    const all = [...new Set([...addresses.values()].flat())]
    const routable = new Set(await routableAddresses(all))
    if (routable.size === all.length) return addresses
    return new Map(Array.from(addresses, ([target, list]) => [target, list.filter((each) => routable.has(each))]))
  }
}

const addressTypes = Object.freeze(['A', 'AAAA'] as const)

function addressesIn(kept: readonly Kept<AddressRecord>[]): string[] {
  return [...new Set(kept.flatMap(({ records }) => records.map(({ address }) => address)))].sort()
}

/** Some servers fail for AAAA whatever the name is: with an answer for the other family, that is no failure. */
function failureOf(kept: readonly Kept[]): unknown {
  const isCurrent = kept.some(({ records, failure }) => records.length > 0 && failure === undefined)
  return isCurrent ? undefined : kept.find(({ failure }) => failure !== undefined)?.failure
}

/** That a target has no IPv6 address is no reason to ask for the others early. */
function decisive(kept: readonly Kept[]): readonly Kept[] {
  const found = kept.filter(({ records, failure }) => records.length > 0 || failure !== undefined)
  return found.length > 0 ? found : kept
}
