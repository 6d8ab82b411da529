import { type Random, randomInteger } from '../../base/random.ts'
import { toIntegerWeights } from './integer-weights.ts'
import { Slot, type WeightClass, weightClasses } from './weight-class.ts'

/** Longest cycle that is kept for replay; this bounds it to 512 KiB. */
const maxCycleLength = 65_536
/** Longest walk to a phase, in steps × different weights. */
const maxWalk = 4_000_000

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
 * that the state is computed by largest remainders, in O(items × log items): every item is then within one turn of where
 * it would be, and the first cycle may give an item one turn more or less than its weight.
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
  /** The slots of one cycle in the order of their turns, as far as it is recorded. */
  #cycle: Slot<T>[] = []
  /** The items of the complete cycle, which are replayed. The slots then stand where it starts. */
  #turns: readonly T[] | undefined
  /** The next turn of those; 0 while there are none. */
  #position = 0
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
  update(items: readonly T[], origins: ArrayLike<number> = this.#originsOf(items)): void {
    const { weightOf } = this.#item
    const before = this.#slots
    const survivors = Array.from(origins, (origin) => before[origin])
    const stays = (slot: Slot<T> | undefined, place: number): boolean => {
      const item = items[place]
      return slot?.place === place && item !== undefined && weightOf(item) === weightOf(slot.item)
    }
    if (before.length === items.length && survivors.every(stays)) {
      for (const [place, slot] of before.entries()) slot.item = items[place] ?? slot.item
      if (this.#turns !== undefined) this.#replay()
      return
    }
    this.#stopReplaying()
    const weights = toIntegerWeights(items.map(weightOf))
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    const scale = total / this.#total
    this.#slots = items.map((item, place) => new Slot(item, weights[place] ?? 0, place))
    this.#total = total
    const due = mostDue(before)
    // Without survivors there is no place to keep. When the one that was next is gone, it is given up for a random one: all
    // clients whose next was within a batch that was replaced would go on in step otherwise.
    const isKept = survivors.some((slot) => slot !== undefined && (slot === due || this.#random === undefined))
    if (isKept) this.#carryOver(survivors, scale, due)
    else this.#start()
  }

  /** The item whose turn it is; `undefined` when there is none. */
  next(): T | undefined {
    const turns = this.#turns
    if (turns === undefined) return this.#record()
    const position = this.#position
    const following = position + 1
    this.#position = following < turns.length ? following : 0
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
    const position = this.#position
    for (const each of this.#classes) each.settle()
    const turns = this.#turnsWithin(position)
    return this.#slots.map(
      ({ current, weight }, place) => current + position * weight - (turns[place] ?? 0) * this.#total,
    )
  }

  #record(): T | undefined {
    const taken = this.#step()
    if (taken === undefined || this.#total > maxCycleLength) return taken?.item
    this.#cycle.push(taken)
    if (this.#cycle.length === this.#total) {
      const turns = this.#turnsWithin(this.#total)
      // The first cycle after a change does not always close; the next one does.
      if (this.#slots.every(({ weight }, place) => weight === turns[place])) this.#replay()
      else this.#cycle = []
    }
    return taken.item
  }

  #step(): Slot<T> | undefined {
    let best: WeightClass<T> | undefined
    let most = Number.NEGATIVE_INFINITY
    for (const each of this.#classes) {
      const current = each.step()
      if (current < most || (current === most && best !== undefined && best.due.place < each.due.place)) continue
      best = each
      most = current
    }
    return best?.takeTurn(this.#total)
  }

  /** The items stand in an array of their own: one look instead of two, 2 of 10 ns of a pick. */
  #replay(): void {
    this.#turns = this.#cycle.map(({ item }) => item)
  }

  /** Brings the currents to where the replay stands, and records anew from there. */
  #stopReplaying(): void {
    for (const [place, current] of this.currents().entries()) {
      const slot = this.#slots[place]
      if (slot !== undefined) slot.current = current
    }
    this.#cycle = []
    this.#turns = undefined
    this.#position = 0
  }

  /** How many of the first `length` turns of the cycle each slot has. */
  #turnsWithin(length: number): Uint32Array {
    const turns = new Uint32Array(this.#slots.length)
    for (const { place } of this.#cycle.slice(0, length)) turns[place] = (turns[place] ?? 0) + 1
    return turns
  }

  #start(): void {
    const random = this.#random
    this.#detourStart = random
    this.#classes = weightClasses(this.#slots)
    if (this.#slots.length === 0) return
    const steps = random === undefined ? Number(this.#phase) % this.#total : randomInteger(random, this.#total)
    if (steps * this.#classes.length <= maxWalk) {
      for (let step = 0; step < steps; step++) this.#step()
      return
    }
    setLargestRemainders(this.#slots, this.#total, steps)
    // Fresh schedules spread their first picks by weight also then.
    if (random !== undefined) makeFirst(this.#slots, drawnByWeight(this.#slots, this.#total, random))
    this.#classes = weightClasses(this.#slots)
  }

  /** `scale`: what one unit of the previous total is in the new one. */
  #carryOver(survivors: readonly (Slot<T> | undefined)[], scale: number, due: Slot<T> | undefined): void {
    const newcomers: Slot<T>[] = []
    let latest = Number.POSITIVE_INFINITY
    for (const slot of this.#slots) {
      const before = survivors[slot.place]
      if (before === undefined) newcomers.push(slot)
      else if (slot.weight > 0) {
        slot.current = Math.round(before.current * scale)
        slot.detour = before.detour * scale
      }
      if (before !== undefined && before === due) latest = slot.current + slot.weight
    }
    if (this.#random !== undefined) placeNewcomers(newcomers, latest, this.#total, this.#random)
    settle(this.#slots, this.#total)
    this.#classes = weightClasses(this.#slots)
  }

  #originsOf(items: readonly T[]): readonly number[] {
    const { keyOf } = this.#item
    const places = new Map(this.#slots.map(({ item, place }) => [keyOf(item), place]))
    return items.map((item) => places.get(keyOf(item)) ?? -1)
  }
}

/** The slot whose turn is next: the first one with the largest current in the next step. */
function mostDue<T>(slots: readonly Slot<T>[]): Slot<T> | undefined {
  let best: Slot<T> | undefined
  for (const slot of slots) {
    if (best === undefined || slot.current + slot.weight > best.current + best.weight) best = slot
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

// In BigInt: steps × weight can exceed what a number holds exactly.
function setLargestRemainders<T>(slots: readonly Slot<T>[], total: number, steps: number): void {
  let sum = 0
  for (const slot of slots) {
    slot.current = Number((BigInt(steps) * BigInt(slot.weight)) % BigInt(total))
    sum += slot.current
  }
  const bySize = slots.toSorted((left, right) => right.current - left.current || left.place - right.place)
  for (const slot of bySize.slice(0, Math.round(sum / total))) slot.current -= total
}

/** Gives `slot` the credit it lacks to be next, at the cost of the one that was. */
function makeFirst<T>(slots: readonly Slot<T>[], slot: Slot<T> | undefined): void {
  const first = mostDue(slots)
  if (first === undefined || slot === undefined) return
  const lacking = first.current + first.weight - slot.current - slot.weight
  slot.current += lacking
  first.current -= lacking
}

/** At random places of the cycle, and not before the slot that is next, which stands at `latest`. */
function placeNewcomers<T>(slots: readonly Slot<T>[], latest: number, total: number, random: Random): void {
  for (const slot of slots) {
    if (slot.weight === 0) continue
    slot.current = Math.min(slot.weight - total + randomInteger(random, total), latest - slot.weight - 1)
  }
}

/** Spreads what is missing to a sum of zero over the slots, by weight, in integers. */
function settle<T>(slots: readonly Slot<T>[], total: number): void {
  const surplus = slots.reduce((sum, { current }) => sum + current, 0)
  let rest = surplus
  for (const slot of slots) {
    const share = Math.trunc(surplus * (slot.weight / total))
    slot.current -= share
    rest -= share
  }
  const unit = Math.sign(rest)
  for (const slot of slots) {
    // Less than one for each slot with a weight is left.
    if (slot.weight === 0 || rest === 0) continue
    slot.current -= unit
    rest -= unit
  }
}
