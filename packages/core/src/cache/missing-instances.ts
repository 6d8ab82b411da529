import type { Clock } from '../base/clock.ts'
import type { ListSample } from '../discovery/discovery.ts'
import type { ServiceInstance } from '../instance/instance.ts'

export interface MissingInstancesOptions {
  readonly clock: Clock
  /** Whether the instance is known not to work: it is ejected, or fails its checks. */
  readonly isOut: (instance: ServiceInstance) => boolean
}

/** An instance that the last list lacks. */
interface Missing {
  readonly sinceMs: number
  /** The size of the shortest list that lacked it. */
  readonly listSize: number
}

/** For so many times to live an instance may be missing, while nothing shows that lists are samples. */
const fewLists = 3
/** Once lists are known to be samples, an instance of an unchanged set is removed with this probability. */
const removedByChance = 0.001
/** No instance stays for more times to live, however small the samples are. */
const mostLists = 100
/** Samples without end must not fill the memory: of more, those go that have been missing longest. */
const maxMissing = 1_024

/**
 * Instances that are missing from lists that may be samples, and stay for a while. DNS servers of clouds answer with eight of
 * many, chosen anew each time: that an instance is missing says little.
 *
 * A server that answers with at most `k` of its instances answers with fewer only if it has no more. Hence a list is whole if it
 * is shorter than the longest one so far, unless a list of its size was seen to lack an instance that came back.
 */
export class MissingInstances {
  readonly #options: MissingInstancesOptions
  #missing: ReadonlyMap<string, Missing> = new Map()
  #longestList = 0
  /** The size of the shortest list that lacked an instance which came back; `undefined`: none did. */
  #sampleSize: number | undefined
  #graceMs = 0

  constructor(options: MissingInstancesOptions) {
    this.#options = options
  }

  /** `list`, and those of the `known` instances that are missing from it and stay. */
  complete(
    known: readonly ServiceInstance[],
    list: readonly ServiceInstance[],
    sample: ListSample | undefined,
  ): readonly ServiceInstance[] {
    const listed = new Set(list.map(({ id }) => id))
    this.#noteReturns(listed)
    const isShort = list.length < Math.min(this.#longestList, this.#sampleSize ?? this.#longestList)
    this.#longestList = Math.max(this.#longestList, list.length)
    const absent = isShort || sample === undefined ? [] : known.filter(({ id }) => !listed.has(id))
    if (sample !== undefined) this.#graceMs = this.#graceOf(sample, list.length, list.length + absent.length)
    const kept = this.#kept(absent, list.length)
    return kept.length === 0 ? list : [...list, ...kept]
  }

  /** How long the instance has been missing, and for how long it stays at most; `undefined`: it is listed. */
  stateOf(id: string): { readonly forMs: number; readonly staysMs: number } | undefined {
    const missing = this.#missing.get(id)
    if (missing === undefined) return undefined
    const forMs = this.#options.clock.now() - missing.sinceMs
    return { forMs, staysMs: Math.max(0, this.#graceMs - forMs) }
  }

  /** Forgets all of them. */
  clear(): void {
    this.#missing = new Map()
  }

  /** Forgets the instance, and gives whether it was missing. */
  delete(id: string): boolean {
    const left = new Map(this.#missing)
    const wasMissing = left.delete(id)
    this.#missing = left
    return wasMissing
  }

  #noteReturns(listed: ReadonlySet<string>): void {
    for (const [id, { listSize }] of this.#missing) {
      if (listed.has(id)) this.#sampleSize = Math.min(this.#sampleSize ?? listSize, listSize)
    }
  }

  #kept(absent: readonly ServiceInstance[], listSize: number): ServiceInstance[] {
    const { clock, isOut } = this.#options
    const now = clock.now()
    const stays = new Map<ServiceInstance, Missing>()
    for (const instance of absent) {
      const before = this.#missing.get(instance.id)
      const missing = {
        sinceMs: before?.sinceMs ?? now,
        listSize: Math.min(before?.listSize ?? listSize, listSize),
      }
      if (now - missing.sinceMs < this.#graceMs && !isOut(instance)) stays.set(instance, missing)
    }
    const kept = [...stays].sort(([, left], [, right]) => right.sinceMs - left.sinceMs).slice(0, maxMissing)
    this.#missing = new Map(kept.map(([{ id }, missing]) => [id, missing]))
    return kept.map(([instance]) => instance)
  }

  /**
   * If each list is a random `listed` of `known`, an instance is missing from `n` of them in a row with the probability
   * (1 − listed / known)ⁿ.
   */
  #graceOf({ ttlMs, graceMs }: ListSample, listed: number, known: number): number {
    if (graceMs !== undefined) return graceMs
    if (this.#sampleSize === undefined || listed === known) return fewLists * ttlMs
    const lists = Math.ceil(Math.log(removedByChance) / Math.log(1 - listed / known))
    return Math.min(Math.max(lists, fewLists), mostLists) * ttlMs
  }
}
