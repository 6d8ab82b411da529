import { isMatch, type MetadataMatch } from '../instance/metadata-match.ts'
import type { RoutingOptions } from '../instance/routing-options.ts'
import type { MetadataSubsetSnapshot } from '../observe/snapshot.ts'
import type { Candidates } from './candidates.ts'
import type { MetadataSubset } from './metadata-subset.ts'
import type { InstanceRecord } from './record.ts'
import type { TrafficSplit } from './traffic-split.ts'

export interface MetadataSubsetsOptions {
  readonly routing: RoutingOptions
  readonly candidates: Candidates
  /** Makes a subset with balancers of its own. */
  readonly newSubset: (values: MetadataMatch) => MetadataSubset
}

/** Subsets that are kept at a time. */
export const maxSubsets = 1_000

const noId: ReadonlySet<string> = new Set()

/**
 * Where requests go that match metadata. What is known of instances (health, ejections, panic, slow start, limits, overrides) is that of
 * the service; candidates, priorities and zones are those within the subset.
 *
 * Values come from requests, so a subset is made only for values that an instance has, and beyond `maxSubsets` one that was not used
 * lately is forgotten (second chance). Candidates of a subset are judged when a request needs them: one that is not used costs nothing.
 */
export class MetadataSubsets {
  readonly #options: MetadataSubsetsOptions
  readonly #keys: readonly string[]
  readonly #fallback: 'none' | 'any' | MetadataMatch
  readonly #subsets = new Map<string, MetadataSubset>()
  /** The records that the index is of. */
  #records: readonly InstanceRecord[] = []
  /** By key and value. */
  #index = new Map<string, Map<string, InstanceRecord[]>>()

  constructor(options: MetadataSubsetsOptions) {
    this.#options = options
    const { keys, fallback = 'none' } = options.routing
    this.#keys = keys
    this.#fallback = fallback
  }

  /**
   * Candidates for a request that has tried some of them: those that match, else those of the fallback, else those that match once more.
   * `undefined`: there is none.
   */
  splitFor(match: MetadataMatch | undefined, tried: ReadonlySet<string> = noId): TrafficSplit | undefined {
    const whole = this.#options.candidates.split
    const values = match && this.#valuesOf(match)
    if (values === undefined) return whole
    const wished = this.#splitOf(values)
    if (wished?.hasCandidateBeyond(tried) === true) return wished
    if (this.#fallback === 'none') return wished
    const fallback = this.#fallback === 'any' ? whole : this.#splitOf(this.#fallback)
    if (fallback?.hasCandidateBeyond(tried) === true) return fallback
    return wished?.hasCandidateBeyond(noId) === true ? wished : fallback
  }

  /** Whether a request with this match may try `instance` after its ejection. */
  mayProbe(match: MetadataMatch | undefined, { instance }: InstanceRecord): boolean {
    const values = match && this.#valuesOf(match)
    if (values === undefined || isMatch(instance, values)) return true
    const fallback = this.#fallback
    if (fallback === 'none' || this.#splitOf(values)?.hasCandidateBeyond(noId) === true) return false
    return fallback === 'any' || isMatch(instance, fallback)
  }

  /** What of `match` routes; `undefined`: nothing. */
  #valuesOf(match: MetadataMatch): MetadataMatch | undefined {
    let values: Record<string, string> | undefined
    for (const key of this.#keys) {
      const value = Object.hasOwn(match, key) ? match[key] : undefined
      if (typeof value !== 'string') continue
      values ??= {}
      values[key] = value
    }
    return values
  }

  /** The subset with these values; `undefined`: no instance has them. */
  #splitOf(values: MetadataMatch): TrafficSplit | undefined {
    const { candidates } = this.#options
    if (this.#records !== candidates.records) this.#reindex(candidates.records)
    const key = this.#keyOf(values)
    let subset = this.#subsets.get(key)
    if (subset === undefined) {
      const isKnown = this.#members(values).some(({ instance }) => isMatch(instance, values))
      if (!isKnown) return undefined
      this.#makeRoom()
      subset = this.#options.newSubset(values)
      this.#subsets.set(key, subset)
    }
    subset.isUsed = true
    if (subset.judgement !== candidates.judgement) this.#judge(subset)
    return subset.splits.current
  }

  #judge(subset: MetadataSubset): void {
    const { candidates } = this.#options
    const { values, splits } = subset
    // Not again before something changes, also if a balancer of the application's throws: others stand in for it.
    subset.judgement = candidates.judgement
    const members = this.#members(values).filter(({ instance }) => isMatch(instance, values))
    // Where nothing else is left, health is ignored as the service does when it panics.
    const isLast = this.#fallback === 'none' || this.#keyOf(values) === this.#fallbackKey
    try {
      candidates.judgeSubset(members, splits, isLast)
    } catch {
      // It was emitted.
    }
  }

  get #fallbackKey(): string | undefined {
    return typeof this.#fallback === 'object' ? this.#keyOf(this.#fallback) : undefined
  }

  /** Those among which the members are: with the value that the fewest have. */
  #members(values: MetadataMatch): readonly InstanceRecord[] {
    let fewest: readonly InstanceRecord[] | undefined
    for (const [key, value = ''] of Object.entries(values)) {
      const having = this.#index.get(key)?.get(value) ?? []
      if (fewest === undefined || having.length < fewest.length) fewest = having
    }
    return fewest ?? []
  }

  #keyOf(values: MetadataMatch): string {
    const [key = ''] = this.#keys
    if (this.#keys.length === 1) return values[key] ?? ''
    return JSON.stringify(this.#keys.map((each) => values[each] ?? null))
  }

  #reindex(records: readonly InstanceRecord[]): void {
    this.#records = records
    this.#index = new Map(this.#keys.map((key) => [key, new Map()]))
    for (const record of records) {
      for (const [key, byValue] of this.#index) {
        const value = record.instance.metadata[key]
        if (value === undefined) continue
        const having = byValue.get(value)
        if (having === undefined) byValue.set(value, [record])
        else having.push(record)
      }
    }
    // Versions come and go: what no instance has any more must not accumulate.
    for (const [key, subset] of this.#subsets) {
      if (this.#members(subset.values).length > 0) continue
      this.#subsets.delete(key)
      subset.close()
    }
  }

  #makeRoom(): void {
    for (const [key, subset] of this.#subsets) {
      if (this.#subsets.size < maxSubsets) return
      this.#subsets.delete(key)
      if (subset.isUsed) {
        // It goes to the end, where this walk meets it again.
        subset.isUsed = false
        this.#subsets.set(key, subset)
      } else subset.close()
    }
  }

  close(): void {
    for (const subset of this.#subsets.values()) subset.close()
  }

  /** Those that requests used lately. */
  snapshot(): readonly MetadataSubsetSnapshot[] {
    for (const { values } of this.#subsets.values()) this.#splitOf(values)
    return Array.from(this.#subsets.values(), (subset) => subset.snapshot())
  }
}
