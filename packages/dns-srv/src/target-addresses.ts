import type { Clock } from '@lb/core'
import { DnsFailure } from './errors.ts'
import type { AddressRecord, DnsRecord } from './message.ts'
import { lookUp } from './record-lookup.ts'
import type { QueryContext, Resolver } from './resolver.ts'

export type AddressFamily = 4 | 6

export interface TargetAddressesOptions {
  readonly resolver: Resolver
  readonly clock: Clock
  /** `undefined`: both. */
  readonly family: AddressFamily | undefined
}

export interface ResolvedTargets {
  /** A target without addresses has none in DNS, or they could not be looked up. */
  readonly addresses: ReadonlyMap<string, readonly string[]>
  readonly ttlSeconds: number
  /** Why the addresses of a target are not known, or not up to date. */
  readonly failure?: unknown
}

interface Known {
  readonly addresses: readonly string[]
  /** From then on a refresh asks again, so that none is due just because these expire a little later. */
  readonly dueMs: number
  readonly untilMs: number
  readonly failure?: unknown
}

/** Refreshes come up to a fifth before a time to live is over: `jitter` in dns-srv-discovery.ts. */
const keptPart = 0.8
/** More targets whose addresses must be asked for are refused. */
const maxAskedTargets = 1_024
/** An address is asked for again after this at the latest, like everything else. */
const maxKeptSeconds = 30
/** How soon a target that could not be looked up is tried again. */
const retrySeconds = 5

/**
 * The addresses of the targets of one service. What the answer brought along is taken; the rest is asked for, and kept for
 * its time to live. A target that cannot be looked up keeps the addresses it had.
 */
export class TargetAddresses {
  readonly #options: TargetAddressesOptions
  #known: ReadonlyMap<string, Known> = new Map()

  constructor(options: TargetAddressesOptions) {
    this.#options = options
  }

  async resolve(
    targets: readonly string[],
    additionals: readonly DnsRecord[],
    context: QueryContext,
  ): Promise<ResolvedTargets> {
    const nowMs = this.#options.clock.now()
    const next = new Map<string, Known>()
    const unknown: string[] = []
    const sent = this.#sentAlong(additionals, nowMs)
    for (const target of targets) {
      const kept = this.#known.get(target)
      const current = sent.get(target) ?? (kept !== undefined && kept.dueMs > nowMs ? kept : undefined)
      if (current === undefined) unknown.push(target)
      else next.set(target, current)
    }
    if (unknown.length > maxAskedTargets) {
      throw new DnsFailure('LIMIT', `${unknown.length} targets without addresses, more than ${maxAskedTargets}`)
    }
    await Promise.all(unknown.map(async (target) => next.set(target, await this.#ask(target, nowMs, context))))
    // Replaced as a whole: what is no target any more is forgotten.
    this.#known = next
    return resolvedTargets(next, nowMs)
  }

  #sentAlong(additionals: readonly DnsRecord[], nowMs: number): Map<string, Known> {
    const records = new Map<string, AddressRecord[]>()
    for (const record of additionals) {
      if (!isAddress(record) || !this.#isWanted(record.type === 'A' ? 4 : 6)) continue
      const list = records.get(record.name)
      if (list === undefined) records.set(record.name, [record])
      else list.push(record)
    }
    return new Map(Array.from(records, ([name, list]) => [name, known(addressesIn(list), ttlOf(list), nowMs)]))
  }

  #isWanted(family: AddressFamily): boolean {
    return this.#options.family === undefined || this.#options.family === family
  }

  async #ask(target: string, nowMs: number, context: QueryContext): Promise<Known> {
    const types = (['A', 'AAAA'] as const).filter((type) => this.#isWanted(type === 'A' ? 4 : 6))
    const settled = await Promise.allSettled(
      types.map((type) => lookUp<'A' | 'AAAA'>(this.#options.resolver, target, type, context)),
    )
    context.signal.throwIfAborted()
    const results = settled.filter((result) => result.status === 'fulfilled').map(({ value }) => value)
    const failed = settled.find((result) => result.status === 'rejected')
    const found = results.filter((result) => result.found)
    const records = found.flatMap((result) => result.records)
    if (failed !== undefined) {
      if (!(failed.reason instanceof DnsFailure)) throw failed.reason
      const addresses = this.#known.get(target)?.addresses ?? addressesIn(records)
      return { ...known(addresses, retrySeconds, nowMs), failure: failed.reason }
    }
    // That a target has no IPv6 address is no reason to ask for the others early.
    const counted: readonly { ttlSeconds?: number }[] = found.length > 0 ? found : results
    const ttlSeconds = Math.min(maxKeptSeconds, ...counted.map((result) => result.ttlSeconds ?? retrySeconds))
    return known(addressesIn(records), ttlSeconds, nowMs)
  }
}

function resolvedTargets(entries: ReadonlyMap<string, Known>, nowMs: number): ResolvedTargets {
  const addresses = new Map<string, readonly string[]>()
  let untilMs = Number.POSITIVE_INFINITY
  let failure: unknown
  for (const [target, entry] of entries) {
    addresses.set(target, entry.addresses)
    untilMs = Math.min(untilMs, entry.untilMs)
    failure ??= entry.failure
  }
  return { addresses, ttlSeconds: (untilMs - nowMs) / 1_000, ...(failure === undefined ? {} : { failure }) }
}

function known(addresses: readonly string[], ttlSeconds: number, nowMs: number): Known {
  const ttlMs = ttlSeconds * 1_000
  return { addresses, dueMs: nowMs + keptPart * ttlMs, untilMs: nowMs + ttlMs }
}

function ttlOf(records: readonly AddressRecord[]): number {
  return records.reduce((least, { ttlSeconds }) => Math.min(least, ttlSeconds), maxKeptSeconds)
}

function addressesIn(records: readonly AddressRecord[]): string[] {
  return [...new Set(records.map(({ address }) => address))].sort()
}

function isAddress(record: DnsRecord): record is AddressRecord {
  return record.type === 'A' || record.type === 'AAAA'
}
