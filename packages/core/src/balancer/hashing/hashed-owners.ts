import { checkNumber } from '../../base/option-checks.ts'
import type { ServiceInstance } from '../../instance/instance.ts'
import { distinctById } from '../balancer.ts'
import { pickable } from '../pickable.ts'
import { toIntegerWeights } from '../smooth-weighted/integer-weights.ts'
import { BoundedLoad } from './bounded-load.ts'

type Owners = Uint16Array | Uint32Array

/** The owner of a part of the places. */
export interface Owner {
  readonly id: string
  /** Without a common divisor, so that only proportions count. */
  readonly weight: number
}

/** @throws InvalidOptionError */
export function checkLoadFactor(path: string, loadFactor: number | undefined): void {
  checkNumber(path, loadFactor, 1, 1_000)
}

/**
 * Which instance owns each place of a ring or table, and which replaces an owner that is to be skipped: the next
 * one after it. The layout depends only on ids and weights, in the order of the ids, so processes that know the same
 * instances have the same owners, whatever the order of their lists.
 */
export class HashedOwners {
  readonly #layOut: (owners: readonly Owner[]) => ArrayLike<number>
  readonly #load: BoundedLoad | undefined
  #owners: readonly Owner[] = []
  /** In the order of their ids. */
  #members: readonly ServiceInstance[] = []
  /** The index in `#members` of the owner of each place. */
  #places: Owners = new Uint16Array(0)

  /** `layOut` gives the index of the owner of each place; it is called when an id or the proportion of weights changed. */
  constructor(layOut: (owners: readonly Owner[]) => ArrayLike<number>, loadFactor: number | undefined) {
    this.#layOut = layOut
    this.#load = loadFactor === undefined ? undefined : new BoundedLoad(loadFactor)
  }

  /** The number of instances that may be picked. */
  get size(): number {
    return this.#members.length
  }

  update(candidates: readonly ServiceInstance[]): void {
    const distinct = distinctById(candidates)
    const members = pickable(distinct).toSorted(byId)
    this.#members = members
    this.#load?.update(distinct, members)
    const weights = toIntegerWeights(members.map(({ weight }) => weight))
    const owners = members.map(({ id }, index) => ({ id, weight: weights[index] as number }))
    if (sameOwners(owners, this.#owners)) return
    this.#owners = owners
    const places = this.#layOut(owners)
    this.#places = members.length <= 2 ** 16 ? new Uint16Array(places) : new Uint32Array(places)
  }

  started(instance: ServiceInstance): void {
    this.#load?.started(instance)
  }

  finished(instance: ServiceInstance): void {
    this.#load?.finished(instance)
  }

  /** The owner of `place`, or its replacement. Call only if there is one. */
  at(place: number, avoid: ReadonlySet<string> | undefined): ServiceInstance {
    const owner = this.#places[place] as number
    const avoided = avoid !== undefined && avoid.size > 0 ? avoid : undefined
    const accepted = avoided === undefined && this.#load?.hasRoom(owner) !== false
    return this.#members[accepted ? owner : this.#standIn(place, avoided)] as ServiceInstance
  }

  /** The first from `place` on that is not avoided and has room, else the first that is not avoided, else the owner. */
  #standIn(place: number, avoid: ReadonlySet<string> | undefined): number {
    const places = this.#places
    let busy = -1
    let previous = -1
    for (let step = 0, at = place; step < places.length; step++, at = at + 1 < places.length ? at + 1 : 0) {
      const slot = places[at] as number
      if (slot === previous) continue
      previous = slot
      if (avoid?.has((this.#members[slot] as ServiceInstance).id) === true) continue
      if (this.#load?.hasRoom(slot) !== false) return slot
      if (busy === -1) busy = slot
    }
    if (busy !== -1) return busy
    // A table with less places than members has no place for some of them.
    const spare = avoid === undefined ? -1 : this.#members.findIndex(({ id }) => !avoid.has(id))
    return spare === -1 ? (places[place] as number) : spare
  }
}

function byId(left: ServiceInstance, right: ServiceInstance): number {
  return left.id < right.id ? -1 : 1
}

function sameOwners(left: readonly Owner[], right: readonly Owner[]): boolean {
  if (left.length !== right.length) return false
  return left.every(({ id, weight }, index) => id === right[index]?.id && weight === right[index]?.weight)
}
