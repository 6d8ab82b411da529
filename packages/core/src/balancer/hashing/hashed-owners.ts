import { rejectOption } from '../../base/option-checks.ts'
import {
  functionOption,
  integerOption,
  numberOption,
  type OptionTable,
  type OptionValues,
  randomOption,
} from '../../base/option-table.ts'
import type { Random } from '../../base/random.ts'
import { XxHash64 } from '../../base/xxhash64.ts'
import type { ServiceInstance } from '../../instance/instance.ts'
import { distinctById, type PickRequest } from '../balancer.ts'
import { toIntegerWeights } from '../integer-weights.ts'
import { pickable } from '../pickable.ts'
import { BoundedLoad } from './bounded-load.ts'

type Owners = Uint16Array | Uint32Array

/** The owner of a part of the places. */
export interface Owner {
  /** What is hashed. Unique. */
  readonly key: string
  /** Without a common divisor, so that only proportions count. */
  readonly weight: number
}

/** Options of every balancer that hashes. */
export interface HashingOptions {
  readonly loadFactor?: number | undefined
  readonly hashKeyOf?: ((instance: ServiceInstance) => string) | undefined
  readonly seed?: number | undefined
  readonly random?: Random | undefined
}

/** What may be said of every balancer that hashes. */
export const hashingTable: OptionTable<HashingOptions, 'loadFactor' | 'hashKeyOf'> = {
  loadFactor: numberOption({ min: 1, max: 1_000 }),
  hashKeyOf: functionOption(),
  seed: integerOption({ default: 0 }),
  random: randomOption(),
}

/** XXH64 with the seed of a balancer. */
export class SeededHash {
  readonly #hash: XxHash64 = new XxHash64()
  readonly #low: number
  readonly #high: number

  constructor(seed: number) {
    this.#low = seed % 2 ** 32
    this.#high = Math.floor(seed / 2 ** 32)
  }

  /** Hashes `text`; with another `variant`, it is another hash. */
  of(text: string, variant = 0): XxHash64 {
    this.#hash.hash(text, (this.#low ^ variant) >>> 0, this.#high)
    return this.#hash
  }
}

/** The places of a ring or table, and which of them belongs to a hash. */
export interface HashedPlaces {
  /** Gives the index of the owner of each place; called when an id or the proportion of weights changed. */
  layOut(owners: readonly Owner[], hash: SeededHash): ArrayLike<number>
  /** The place of the last hash. */
  placeOf(hash: XxHash64): number
  /** The place of a request without a key. */
  randomPlace(random: Random): number
}

/**
 * Which instance owns each place of a ring or table, and which replaces an owner that is to be skipped: the next
 * one after it. The layout depends only on ids and weights, in the order of the ids, so processes that know the same
 * instances have the same owners, whatever the order of their lists.
 */
export class HashedOwners {
  readonly #layout: HashedPlaces
  readonly #random: Random
  readonly #hash: SeededHash
  readonly #hashKeyOf: ((instance: ServiceInstance) => string) | undefined
  readonly #load: BoundedLoad | undefined
  #owners: readonly Owner[] = []
  /** In the order of their keys. */
  #members: readonly ServiceInstance[] = []
  /** The index in `#members` of the owner of each place. */
  #places: Owners = new Uint16Array(0)

  constructor(layout: HashedPlaces, { loadFactor, random, seed, hashKeyOf }: OptionValues<typeof hashingTable>) {
    this.#layout = layout
    this.#random = random
    this.#hash = new SeededHash(seed)
    this.#hashKeyOf = hashKeyOf
    this.#load = loadFactor === undefined ? undefined : new BoundedLoad(loadFactor)
  }

  update(candidates: readonly ServiceInstance[]): void {
    const distinct = distinctById(candidates)
    const keyed = this.#keyed(pickable(distinct))
    const members = keyed.map(({ instance }) => instance)
    this.#members = members
    this.#load?.update(distinct, members)
    const weights = toIntegerWeights(members.map(({ weight }) => weight))
    const owners = keyed.map(({ key }, index) => ({ key, weight: weights[index] ?? 0 }))
    if (sameOwners(owners, this.#owners)) return
    this.#owners = owners
    const places = this.#layout.layOut(owners, this.#hash)
    this.#places = members.length <= 2 ** 16 ? new Uint16Array(places) : new Uint32Array(places)
  }

  started(instance: ServiceInstance): void {
    this.#load?.started(instance)
  }

  finished(instance: ServiceInstance): void {
    this.#load?.finished(instance)
  }

  /** The owner of the place of `hashKey`, or its replacement. */
  pick(request: PickRequest | undefined): ServiceInstance | undefined {
    if (this.#members.length === 0) return undefined
    const place = this.#placeOf(request?.hashKey)
    const avoid = request?.avoid
    const owner = this.#places[place] ?? 0
    const avoided = avoid !== undefined && avoid.size > 0 ? avoid : undefined
    const accepted = avoided === undefined && this.#load?.hasRoom(owner) !== false
    return this.#members[accepted ? owner : this.#standIn(place, avoided)]
  }

  /** With the key of each, in the order of the keys. */
  #keyed(candidates: readonly ServiceInstance[]): readonly Keyed[] {
    const keyOf = this.#hashKeyOf
    if (keyOf === undefined) return candidates.map((instance) => ({ key: instance.id, instance })).sort(byKey)
    const keys = new Set<string>()
    const byId = candidates.toSorted((left, right) => (left.id < right.id ? -1 : 1))
    const keyed = byId.map((instance) => {
      const given: unknown = keyOf(instance)
      if (typeof given !== 'string') rejectOption('hashKeyOf()', 'a string', given)
      // One that is another's has a key that no function gives by chance.
      const key = keys.has(given) ? `${given}\0${instance.id}` : given
      keys.add(key)
      return { key, instance }
    })
    return keyed.sort(byKey)
  }

  #placeOf(hashKey: string | undefined): number {
    if (hashKey === undefined) return this.#layout.randomPlace(this.#random)
    return this.#layout.placeOf(this.#hash.of(hashKey))
  }

  /** The first from `place` on that is not avoided and has room, else the first that is not avoided, else the owner. */
  #standIn(place: number, avoid: ReadonlySet<string> | undefined): number {
    const places = this.#places
    let busy = -1
    let previous = -1
    for (let step = 0, at = place; step < places.length; step++, at = at + 1 < places.length ? at + 1 : 0) {
      const slot = places[at] ?? 0
      if (slot === previous) continue
      previous = slot
      if (avoid?.has((this.#members[slot] as ServiceInstance).id) === true) continue
      if (this.#load?.hasRoom(slot) !== false) return slot
      if (busy === -1) busy = slot
    }
    if (busy !== -1) return busy
    // A table with less places than members has no place for some of them.
    const spare = avoid === undefined ? -1 : this.#members.findIndex(({ id }) => !avoid.has(id))
    return spare === -1 ? (places[place] ?? 0) : spare
  }
}

interface Keyed {
  readonly key: string
  readonly instance: ServiceInstance
}

function byKey(left: Keyed, right: Keyed): number {
  return left.key < right.key ? -1 : 1
}

function sameOwners(left: readonly Owner[], right: readonly Owner[]): boolean {
  if (left.length !== right.length) return false
  return left.every(({ key, weight }, index) => key === right[index]?.key && weight === right[index]?.weight)
}
