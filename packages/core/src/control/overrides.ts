import type { Clock } from '../base/clock.ts'
import type { Override } from './override.ts'

/** Of how many instances that are not in the list overrides are kept. */
const maxAbsent = 1_000

type Shares = Readonly<Record<string, number>>

/** What was set, by whom and when. */
interface Entry {
  readonly set: Omit<Override, 'forMs'>
  readonly sinceMs: number
  /** Counts what was set before it. */
  readonly order: number
}

/** The overrides of one service, by the id of the instance. */
export class Overrides {
  readonly #clock: Clock
  readonly #drained = new Map<string, Entry>()
  readonly #weights = new Map<string, Entry>()
  #shares: Entry | undefined
  #count = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether there is none. */
  get isEmpty(): boolean {
    return this.#drained.size === 0 && this.#weights.size === 0 && this.#shares === undefined
  }

  /** The shares that were set; the same object until others are. */
  get shares(): Shares | undefined {
    return this.#shares?.set.shares
  }

  /** Whether the instance has an override. */
  has(id: string): boolean {
    return this.#drained.has(id) || this.#weights.has(id)
  }

  /** The weight that the instance has by its overrides: 0 if it is drained; `undefined`: its own. */
  weightOf(id: string): number | undefined {
    return this.#drained.has(id) ? 0 : this.#weights.get(id)?.set.weight
  }

  /** Returns whether anything changed; so do `setWeight`, `restore` and `setShares`. */
  drain(instanceId: string, by: string | undefined): boolean {
    if (this.#drained.has(instanceId)) return false
    this.#drained.set(instanceId, this.#entry({ kind: 'drained', instanceId }, by))
    return true
  }

  setWeight(instanceId: string, weight: number, by: string | undefined): boolean {
    if (this.#weights.get(instanceId)?.set.weight === weight) return false
    this.#weights.delete(instanceId)
    this.#weights.set(instanceId, this.#entry({ kind: 'weight', instanceId, weight }, by))
    return true
  }

  restore(instanceId: string): boolean {
    const wasDrained = this.#drained.delete(instanceId)
    return this.#weights.delete(instanceId) || wasDrained
  }

  setShares(shares: Shares | undefined, by: string | undefined): boolean {
    if (isSame(shares, this.shares)) return false
    this.#shares = shares && this.#entry({ kind: 'shares', shares }, by)
    return true
  }

  /** Ids of absent instances whose overrides are too many: those that were set first. `listed`: ids of the others. */
  surplus(listed: () => ReadonlySet<string>): readonly string[] {
    const ids = new Set([...this.#drained.keys(), ...this.#weights.keys()])
    if (ids.size <= maxAbsent) return []
    const present = listed()
    const absent = [...ids].filter((id) => !present.has(id))
    const orderOf = (id: string): number =>
      Math.max(this.#drained.get(id)?.order ?? 0, this.#weights.get(id)?.order ?? 0)
    absent.sort((left, right) => orderOf(left) - orderOf(right))
    return absent.slice(0, Math.max(0, absent.length - maxAbsent))
  }

  /** The overrides of the instance. */
  of(id: string): readonly Override[] {
    return this.#shown([this.#drained.get(id), this.#weights.get(id)])
  }

  list(): readonly Override[] {
    return this.#shown([...this.#drained.values(), ...this.#weights.values(), this.#shares])
  }

  #entry(set: Omit<Override, 'forMs' | 'by'>, by: string | undefined): Entry {
    const whose = by === undefined ? undefined : { by }
    return { set: { ...set, ...whose }, sinceMs: this.#clock.now(), order: this.#count++ }
  }

  #shown(entries: readonly (Entry | undefined)[]): readonly Override[] {
    const nowMs = this.#clock.now()
    return entries
      .filter((entry) => entry !== undefined)
      .sort((left, right) => left.order - right.order)
      .map(({ set, sinceMs }) => ({ ...set, forMs: nowMs - sinceMs }))
  }
}

function isSame(one: Shares | undefined, other: Shares | undefined): boolean {
  if (one === undefined || other === undefined) return one === other
  const names = Object.keys(one)
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name])
}
