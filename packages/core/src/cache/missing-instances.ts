import type { Clock } from '../base/clock.ts'
import type { ListSample } from '../discovery/discovery.ts'
import type { ServiceInstance } from '../instance/instance.ts'

export interface MissingInstancesOptions {
  readonly clock: Clock
  /** Whether the instance is known not to work: it is ejected, or fails its checks. */
  readonly isOut: (instance: ServiceInstance) => boolean
}

/** For so many times to live an instance may be missing, while nothing shows that lists are samples. */
const fewLists = 3
/** Once lists are known to be samples, an instance of an unchanged set is removed with this probability. */
const removedByChance = 0.001
/** No instance stays for more times to live, however small the samples are. */
const mostLists = 100
/** Samples without end must not fill the memory: of more, those are forgotten that have been missing longest. */
const maxRemembered = 1_024

const nothing: ReadonlyMap<string, number> = new Map()

/**
 * Instances that are missing from lists that may be samples, and stay for a while. DNS servers of clouds answer with eight of
 * many, chosen anew each time: that an instance is missing says little.
 *
 * A server that answers with at most `k` of its instances answers with fewer only if it has no more. Hence a list that is shorter
 * than the longest one so far is whole, unless lists are known to be samples: one had an instance that was missing before, and
 * lacked another one. A registration that is late, or an instance that restarts, looks different: nothing is missing when it is back.
 */
export class MissingInstances {
  readonly #options: MissingInstancesOptions
  /** By id, since when. */
  #missing: ReadonlyMap<string, number> = nothing
  /** Which were removed for nothing but that they were missing, and when. */
  #removed: Map<string, number> | undefined
  #longestList = 0
  #areSamples = false
  #graceMs = 0
  /** For how long removed instances are remembered. */
  #memoryMs = 0

  constructor(options: MissingInstancesOptions) {
    this.#options = options
  }

  /** `list`, and those of the `known` instances that are missing from it and stay. */
  complete(
    known: readonly ServiceInstance[],
    list: readonly ServiceInstance[],
    sample: ListSample | undefined,
  ): readonly ServiceInstance[] {
    if (sample === undefined && this.#missing.size === 0 && (this.#removed?.size ?? 0) === 0) {
      this.#longestList = Math.max(this.#longestList, list.length)
      return list
    }
    const listed = new Set(list.map(({ id }) => id))
    const absent = sample === undefined || list.length === 0 ? [] : known.filter(({ id }) => !listed.has(id))
    if (this.#returned(listed) && absent.length > 0) this.#areSamples = true
    const isWhole = !this.#areSamples && list.length < this.#longestList
    this.#longestList = Math.max(this.#longestList, list.length)
    if (sample !== undefined) {
      this.#graceMs = isWhole ? 0 : this.#graceOf(sample, list.length, absent.length)
      this.#memoryMs = mostLists * sample.ttlMs
    }
    const kept = this.#kept(absent)
    return kept.length === 0 ? list : [...list, ...kept]
  }

  /** How long the instance has been missing, and for how long it stays at most; `undefined`: it is listed. */
  stateOf(id: string): { readonly forMs: number; readonly staysMs: number } | undefined {
    const sinceMs = this.#missing.get(id)
    if (sinceMs === undefined) return undefined
    const forMs = this.#options.clock.now() - sinceMs
    return { forMs, staysMs: Math.max(0, this.#graceMs - forMs) }
  }

  /** Forgets the instance, and gives whether it was missing. */
  delete(id: string): boolean {
    const left = new Map(this.#missing)
    const wasMissing = left.delete(id)
    this.#missing = left
    return wasMissing
  }

  /** Whether the list has an instance that was missing: it is no longer. */
  #returned(listed: ReadonlySet<string>): boolean {
    let returned = false
    for (const id of listed) returned = this.#removed?.delete(id) === true || this.#missing.has(id) || returned
    return returned
  }

  #kept(absent: readonly ServiceInstance[]): readonly ServiceInstance[] {
    const { clock, isOut } = this.#options
    const now = clock.now()
    const stays = new Map<ServiceInstance, number>()
    this.#removed ??= new Map()
    for (const instance of absent) {
      const sinceMs = this.#missing.get(instance.id) ?? now
      if (isOut(instance)) continue
      if (now - sinceMs < this.#graceMs) stays.set(instance, sinceMs)
      else this.#removed.set(instance.id, now)
    }
    // The oldest are first.
    for (const [id, atMs] of this.#removed) {
      if (this.#removed.size > maxRemembered || now - atMs > this.#memoryMs) this.#removed.delete(id)
    }
    const kept = [...stays].sort(([, left], [, right]) => right - left).slice(0, maxRemembered)
    this.#missing = new Map(kept.map(([{ id }, sinceMs]) => [id, sinceMs]))
    return kept.map(([instance]) => instance)
  }

  /**
   * If each list is a random choice of `listed` out of all, of which it lacks `absent`, an instance is missing from `n` of them in a
   * row with the probability (absent / all)ⁿ.
   */
  #graceOf({ ttlMs, graceMs }: ListSample, listed: number, absent: number): number {
    if (graceMs !== undefined) return graceMs
    if (!this.#areSamples || absent === 0) return fewLists * ttlMs
    const lists = Math.ceil(Math.log(removedByChance) / Math.log(absent / (listed + absent)))
    return Math.min(Math.max(lists, fewLists), mostLists) * ttlMs
  }
}
