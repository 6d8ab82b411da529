import type { Clock } from '@lb/core'
import { DnsFailure } from './errors.ts'
import type { DnsRecord } from './message.ts'
import { type AskedType, isOfType, lookUp, type RecordOf } from './record-lookup.ts'
import type { QueryContext, Resolver } from './resolver.ts'

/** Records of one name and type, as far as they are known. */
export interface Kept<T extends DnsRecord = DnsRecord> {
  /** Empty: the name has none, or they could not be looked up. */
  readonly records: readonly T[]
  readonly untilMs: number
  /** What the server sent along, if it was asked just now. */
  readonly additionals?: readonly DnsRecord[] | undefined
  /** Why they are not known, or not up to date. */
  readonly failure?: unknown
}

interface Entry extends Kept {
  /** From then on a refresh asks again, so that none is due just because these expire a little later. */
  readonly dueMs: number
}

/** Refreshes come up to a fifth before a time to live is over: `jitter` in lookup-discovery.ts. */
const keptPart = 0.8
/** Everything is asked for again after this at the latest. */
const maxKeptMs = 30_000
/** How soon what could not be looked up is tried again. */
const retryMs = 5_000

/**
 * What one service was found to consist of, kept for its time to live from one refresh to the next. What cannot be looked up
 * stays as it was.
 */
export class KeptRecords {
  readonly #resolver: Resolver
  readonly #clock: Clock
  #before: ReadonlyMap<string, Entry> = new Map()
  #entries = new Map<string, Entry>()
  /** When the refresh began: what is asked for in it holds from then on. */
  #nowMs: number

  constructor(resolver: Resolver, clock: Clock) {
    this.#resolver = resolver
    this.#clock = clock
    this.#nowMs = clock.now()
  }

  /** A refresh begins: what the last one did not need is forgotten. */
  startRefresh(): void {
    this.#nowMs = this.#clock.now()
    this.#before = this.#entries
    this.#entries = new Map()
  }

  /** Whether the records need no query. */
  has(name: string, type: AskedType): boolean {
    return this.#current(keyOf(name, type)) !== undefined
  }

  /** How long all of them hold. */
  ttlMs(kept: readonly Kept[]): number {
    return kept.reduce((least, { untilMs }) => Math.min(least, untilMs - this.#nowMs), Number.POSITIVE_INFINITY)
  }

  /** Records that a server sent along. */
  add(name: string, type: AskedType, records: readonly DnsRecord[], ttlMs: number): void {
    this.#entries.set(keyOf(name, type), this.#entry(records, ttlMs))
  }

  /** @throws whatever is no DnsFailure, such as the reason of the signal */
  async get<T extends AskedType>(name: string, type: T, context: QueryContext): Promise<Kept<RecordOf<T>>> {
    const key = keyOf(name, type)
    const { additionals, ...entry } = this.#current(key) ?? (await this.#ask(name, type, context))
    this.#entries.set(key, entry)
    return { ...entry, records: entry.records.filter((record) => isOfType(record, type)), additionals }
  }

  #current(key: string): Entry | undefined {
    const entry = this.#entries.get(key) ?? this.#before.get(key)
    return entry !== undefined && entry.dueMs > this.#nowMs ? entry : undefined
  }

  async #ask(name: string, type: AskedType, context: QueryContext): Promise<Entry> {
    try {
      const result = await lookUp(this.#resolver, name, type, context)
      if (!result.found) return this.#entry([], result.ttlMs ?? retryMs)
      return { ...this.#entry(result.records, result.ttlMs), additionals: result.additionals }
    } catch (cause) {
      context.signal.throwIfAborted()
      if (!(cause instanceof DnsFailure)) throw cause
      const records = this.#before.get(keyOf(name, type))?.records ?? []
      return { ...this.#entry(records, retryMs), failure: cause }
    }
  }

  #entry(records: readonly DnsRecord[], ttlMs: number): Entry {
    const nowMs = this.#nowMs
    const keptMs = Math.min(ttlMs, maxKeptMs)
    return { records, dueMs: nowMs + keptPart * keptMs, untilMs: nowMs + keptMs }
  }
}

function keyOf(name: string, type: AskedType): string {
  return `${type} ${name}`
}

/** Records by their names. */
export function byName<T extends DnsRecord>(records: readonly T[]): ReadonlyMap<string, readonly T[]> {
  const lists = new Map<string, T[]>()
  for (const record of records) {
    const list = lists.get(record.name)
    if (list === undefined) lists.set(record.name, [record])
    else list.push(record)
  }
  return lists
}

/** How long all of them hold. */
export function shortestTtlMs(records: readonly DnsRecord[]): number {
  return records.reduce((least, { ttlSeconds }) => Math.min(least, ttlSeconds * 1_000), Number.POSITIVE_INFINITY)
}
