import { type Random, randomInteger } from '../../base/random.ts'
import { toIntegerWeights } from '../integer-weights.ts'
import { type Slot, type WeightClass, weightClasses } from './weight-class.ts'

/** Longest cycle that is kept for replay; this bounds it to 512 KiB. */
const maxCycleLength = 65_536
/** Longest walk to a phase, in steps × different weights. */
const maxWalk = 4_000_000
/** After so many steps their gains are written into the credits: every product of steps and a weight is exact. */
const maxSteps = 2 ** 20

const fresh = { credit: 0, detour: 0 }

/** How the items of a schedule are identified and weighted. */
export interface WeightedItem<T> {
  readonly keyOf: (item: T) => string
  readonly weightOf: (item: T) => number
}

/**
 * Items that take turns by weight, smoothly, in nginx's order.
 *
 * Each step adds its weight to every item's current weight, takes the item with the largest (the first on a
 * tie) and subtracts the total from it. The currents are then all as before after total ÷ gcd steps, and every
 * item has been taken exactly as often as its weight says. So one cycle is recorded as it is handed out, and
 * replayed from then on: O(1) per step, against O(different weights) while recording. A cycle longer than 65 536
 * steps is not recorded.
 *
 * A fresh schedule walks to its phase: up to some 20 ms for the longest walk, 4 million steps × different weights. Beyond
 * that every item is put within one turn of where it would be, in O(items), and the first cycle may give an item one turn
 * more or less than its weight.
 *
 * Source: nginx, `ngx_http_upstream_get_peer`.
 */
export class SmoothWeightedSchedule<T> {
  readonly #phase: number | Random
  readonly #random: Random | undefined
  readonly #item: WeightedItem<T>
  #slots: readonly Slot<T>[] = []
  #classes: readonly WeightClass<T>[] = []
  #total = 0
  /** Steps since the credits were written; in a replay, the next turn of the cycle, at whose start they were. */
  #position = 0
  /** The slots of one cycle in the order of their turns, as far as it is recorded. */
  #cycle: Slot<T>[] = []
  /** The items of the complete cycle, which are replayed; none while it is recorded. */
  #turns: readonly T[] = []
  /** Draws the first pick with exclusions, so that the retries of many processes do not all meet at one item. */
  #detourStart: Random | undefined

  /** `phase`: steps into the cycle at which it starts, or a source of chance for a random step. */
  constructor(phase: number | Random, item: WeightedItem<T>) {
    this.#phase = phase
    this.#random = typeof phase === 'function' ? phase : undefined
    this.#item = item
  }

  /**
   * Changes the items. Survivors keep their place: their credit is carried over as a fraction of a turn. The first cycle after
   * a change may give an item one turn more or less than its weight; from then on cycles are exact again. New items stand at a
   * random place of the cycle, after the one that is next: half a cycle from there, all clients would come to a batch of them
   * at once. When keys and weights stay, so does every place.
   *
   * `origins`: for each item, the previous index of the item with its key, or −1.
   */
  update(items: readonly T[], origins: readonly number[] | Int32Array = this.#originsOf(items)): void {
    const before = this.#slots
    const { weightOf } = this.#item
    const stays = ({ item, place }: Slot<T>): boolean =>
      origins[place] === place && weightOf(items[place] as T) === weightOf(item)
    if (before.length === items.length && before.every(stays)) {
      for (const slot of before) slot.item = items[slot.place] as T
      if (this.#turns.length > 0) this.#replay(this.#cycle)
      return
    }
    this.#writeCredits()
    const first = origins.indexOf(mostDue(before)?.place ?? before.length)
    // Without survivors there is no place to keep. When the one that was next is gone, it is given up for a random one: all
    // clients whose next was within a batch that was replaced would go on in step otherwise.
    const isKept = first >= 0 || (this.#random === undefined && origins.some((origin) => origin >= 0))
    const weights = toIntegerWeights(items.map(weightOf))
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    const scale = isKept ? total / this.#total : 0
    this.#total = total
    this.#slots = items.map((item, place) => {
      const weight = weights[place] ?? 0
      const origin = origins[place] ?? -1
      const { credit, detour } = origin >= 0 && weight > 0 ? (before[origin] as Slot<T>) : fresh
      return { item, weight, place, credit: Math.round(credit * scale), detour: detour * scale }
    })
    if (isKept) this.#placeNewcomers(origins, first)
    else this.#start()
  }

  /** The item whose turn it is; `undefined` when there is none. */
  next(): T | undefined {
    const turns = this.#turns
    const position = this.#position
    if (position >= turns.length) return this.#nextCycle()
    this.#position = position + 1
    return turns[position]
  }

  /**
   * An item with a weight for which `excluded` is false, by the weights of those; `undefined` when there is none. Such picks
   * (retries, mostly) keep credit of their own: they are smooth among themselves and take no turn of `next`. O(items).
   */
  nextExcept(excluded: (item: T) => boolean): T | undefined {
    const open = this.#slots.filter(({ item, weight }) => weight > 0 && !excluded(item))
    let total = 0
    let best: Slot<T> | undefined
    for (const slot of open) {
      slot.detour += slot.weight
      total += slot.weight
      if (best === undefined || slot.detour > best.detour) best = slot
    }
    if (best === undefined) return undefined
    if (this.#detourStart !== undefined) best = drawnByWeight(open, total, this.#detourStart) ?? best
    this.#detourStart = undefined
    best.detour -= total
    return best.item
  }

  /** Current weight of every item, in units in which one turn costs the total. They sum to zero. */
  currents(): readonly number[] {
    const turns = turnsIn(this.#turns.length > 0 ? this.#cycle.slice(0, this.#position) : [], this.#slots)
    return this.#slots.map(
      ({ credit, weight }, place) => credit + this.#position * weight - (turns[place] ?? 0) * this.#total,
    )
  }

  /** The replay begins anew, or there is none: a step, which is recorded. */
  #nextCycle(): T | undefined {
    if (this.#turns.length > 0) {
      this.#position = 0
      return this.next()
    }
    const taken = this.#step()
    if (taken === undefined) return undefined
    const isRecorded = this.#total <= maxCycleLength
    if (isRecorded) this.#cycle.push(taken)
    if (this.#position === (isRecorded ? this.#total : maxSteps)) {
      const cycle = this.#cycle
      const turns = turnsIn(cycle, this.#slots)
      this.#writeCredits()
      // The first cycle after a change does not always close; the next one does.
      if (this.#slots.every(({ weight }, place) => weight === turns[place])) this.#replay(cycle)
    }
    return taken.item
  }

  #step(): Slot<T> | undefined {
    const position = ++this.#position
    let best: WeightClass<T> | undefined
    let most = Number.NEGATIVE_INFINITY
    for (const each of this.#classes) {
      const { due } = each
      const current = due.credit + position * each.weight
      if (current < most || (current === most && best !== undefined && best.due.place < due.place)) continue
      best = each
      most = current
    }
    return best?.takeTurn(this.#total)
  }

  /** From the start of `cycle`, where the credits stand. The items get an array of their own: one look instead of two. */
  #replay(cycle: Slot<T>[]): void {
    this.#cycle = cycle
    this.#turns = cycle.map(({ item }) => item)
  }

  /** Writes where everything stands into the credits, and records anew from there. */
  #writeCredits(): void {
    const [position, total] = [this.#position, this.#total]
    for (const slot of this.#slots) slot.credit += position * slot.weight
    if (this.#turns.length > 0) for (const slot of this.#cycle.slice(0, position)) slot.credit -= total
    this.#position = 0
    this.#cycle = []
    this.#turns = []
  }

  #start(): void {
    const random = this.#random
    const [slots, total] = [this.#slots, this.#total]
    this.#detourStart = random
    this.#classes = weightClasses(slots)
    if (slots.length === 0) return
    const steps = random === undefined ? Number(this.#phase) % total : randomInteger(random, total)
    if (steps * this.#classes.length <= maxWalk) {
      while (this.#position < steps) this.#step()
      this.#writeCredits()
      return
    }
    putAt(steps, slots, total)
    // Fresh schedules spread their first picks by weight also then.
    if (random !== undefined) makeFirst(slots, drawnByWeight(slots, total, random))
    this.#classes = weightClasses(slots)
  }

  /** New items come to random places of the cycle, but not before the `first`. */
  #placeNewcomers(origins: ArrayLike<number>, first: number): void {
    const [slots, total, random] = [this.#slots, this.#total, this.#random]
    const next = slots[first]
    if (random !== undefined && next !== undefined) {
      const latest = next.credit + next.weight - 1
      for (const slot of slots) {
        if ((origins[slot.place] ?? -1) >= 0 || slot.weight === 0) continue
        slot.credit = Math.min(slot.weight - total + randomInteger(random, total), latest - slot.weight)
      }
    }
    balance(slots, total)
    this.#classes = weightClasses(slots)
  }

  #originsOf(items: readonly T[]): readonly number[] {
    const { keyOf } = this.#item
    const places = new Map(this.#slots.map(({ item, place }) => [keyOf(item), place]))
    return items.map((item) => places.get(keyOf(item)) ?? -1)
  }
}

/** How many of `turns` each slot has. */
function turnsIn<T>(turns: readonly Slot<T>[], slots: readonly Slot<T>[]): Uint32Array {
  const counts = new Uint32Array(slots.length)
  for (const { place } of turns) counts[place] = (counts[place] ?? 0) + 1
  return counts
}

/** The slot whose turn is next: the first one with the largest current in the next step. */
function mostDue<T>(slots: readonly Slot<T>[]): Slot<T> | undefined {
  let best: Slot<T> | undefined
  for (const slot of slots) {
    if (best === undefined || slot.credit + slot.weight > best.credit + best.weight) best = slot
  }
  return best
}

/** A slot drawn by weight; `total` is the sum of the weights. */
function drawnByWeight<T>(slots: readonly Slot<T>[], total: number, random: Random): Slot<T> | undefined {
  let rest = randomInteger(random, total)
  return slots.find(({ weight }) => {
    rest -= weight
    return rest < 0
  })
}

/** Gives `slot` the credit it lacks to be next, at the cost of the one that was. */
function makeFirst<T>(slots: readonly Slot<T>[], slot: Slot<T> | undefined): void {
  const first = mostDue(slots)
  if (first === undefined || slot === undefined) return
  const lacking = first.credit + first.weight - slot.credit - slot.weight
  slot.credit += lacking
  first.credit -= lacking
}

/** Puts each slot within one turn of where it is after `steps`; together they have had so many turns. */
function putAt<T>(steps: number, slots: readonly Slot<T>[], total: number): void {
  let [reach, given] = [0, 0]
  for (const slot of slots) {
    reach += slot.weight
    const turns = Math.round(steps * (reach / total)) - given
    given += turns
    slot.credit = Math.round((steps * (slot.weight / total) - turns) * total)
  }
  balance(slots, total)
}

/** Takes what is missing to a sum of zero from the slots, by weight, in integers. */
function balance<T>(slots: readonly Slot<T>[], total: number): void {
  const surplus = slots.reduce((sum, { credit }) => sum + credit, 0)
  let rest = surplus
  for (const slot of slots) {
    const share = Math.trunc(surplus * (slot.weight / total))
    slot.credit -= share
    rest -= share
  }
  for (const slot of slots) {
    // Less than one for each slot with a weight is left.
    if (slot.weight === 0 || rest === 0) continue
    slot.credit -= Math.sign(rest)
    rest -= Math.sign(rest)
  }
}
