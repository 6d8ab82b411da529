import { type Random, randomInteger } from '../../base/random.ts'
import { toIntegerWeights } from './integer-weights.ts'
import { enterPhase } from './phase.ts'
import { drawnByWeight, mostDue, Slot } from './slot.ts'

/** Longest cycle that is kept for replay; this bounds it to 512 KiB. */
const maxCycleLength = 65_536

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
 * replayed from then on: O(1) per step, against O(items) while recording. A cycle longer than 65 536 steps is
 * not recorded.
 *
 * Source: nginx, `ngx_http_upstream_get_peer`.
 */
export class SmoothWeightedSchedule<T> {
  readonly #phase: number | Random
  readonly #random: Random | undefined
  readonly #item: WeightedItem<T>
  #slots: readonly Slot<T>[] = []
  #total = 0
  /** The slots of one cycle in the order of their turns, as far as it is recorded. */
  #cycle: Slot<T>[] = []
  /** The items of the complete cycle, which are replayed. The currents then stay those of its start. */
  #turns: readonly T[] | undefined
  /** The next step of the complete cycle. */
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
   * `origins`: for each item, the previous index of the item with its key, or −1, if the caller knows it.
   */
  update(items: readonly T[], origins?: readonly number[]): void {
    if (this.#isSame(items)) {
      for (const [index, slot] of this.#slots.entries()) slot.item = items[index] ?? slot.item
      if (this.#turns !== undefined) this.#replay()
      return
    }
    this.#stopReplaying()
    const before = this.#slots
    const previousTotal = this.#total
    const weights = toIntegerWeights(items.map(this.#item.weightOf))
    this.#slots = items.map((item, place) => new Slot(item, weights[place] ?? 0, place))
    this.#total = weights.reduce((sum, weight) => sum + weight, 0)
    const survivors = origins === undefined ? this.#byKey(before) : this.#byOrigin(before, origins)
    if (this.#isPlaceLost(mostDue(before), survivors)) this.#start()
    else this.#carryOver(survivors, this.#total / previousTotal, mostDue(before))
  }

  /** The item whose turn it is; `undefined` when there is none. */
  next(): T | undefined {
    const turns = this.#turns
    if (turns === undefined) return this.#nextRecorded()
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
    let total = 0
    let best: Slot<T> | undefined
    for (const slot of this.#slots) {
      if (slot.weight === 0 || excluded(slot.item)) continue
      slot.detour += slot.weight
      total += slot.weight
      if (best === undefined || slot.detour > best.detour) best = slot
    }
    if (best === undefined) return undefined
    if (this.#detourStart !== undefined) {
      const open = this.#slots.filter(({ item }) => !excluded(item))
      best = drawnByWeight(open, total, this.#detourStart) ?? best
      this.#detourStart = undefined
    }
    best.detour -= total
    return best.item
  }

  /** Current weight of every item, in units in which one turn costs the total. They sum to zero. */
  currents(): readonly number[] {
    const position = this.#position
    const currents = this.#slots.map(({ current, weight }) => current + position * weight)
    for (const { place } of this.#cycle.slice(0, position)) currents[place] = (currents[place] ?? 0) - this.#total
    return currents
  }

  #nextRecorded(): T | undefined {
    return this.#record()?.item
  }

  #record(): Slot<T> | undefined {
    const cycle = this.#cycle
    if (cycle.length === 0) for (const slot of this.#slots) slot.recordedFrom = slot.current
    const taken = this.#step()
    if (taken === undefined || this.#total > maxCycleLength) return taken
    cycle.push(taken)
    if (cycle.length < this.#total) return taken
    // The first cycle after a change does not always close; the next one does.
    if (this.#slots.every(({ current, recordedFrom }) => current === recordedFrom)) this.#replay()
    else this.#cycle = []
    return taken
  }

  /** The items stand in an array of their own: one look instead of two, 2 of 10 ns of a pick. */
  #replay(): void {
    this.#turns = this.#cycle.map(({ item }) => item)
  }

  #step(): Slot<T> | undefined {
    let best: Slot<T> | undefined
    for (const slot of this.#slots) {
      slot.current += slot.weight
      if (best === undefined || slot.current > best.current) best = slot
    }
    if (best !== undefined) best.current -= this.#total
    return best
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

  #start(): void {
    if (this.#slots.length > 0) enterPhase(this.#slots, this.#total, this.#phase)
    this.#detourStart = this.#random
  }

  /** `scale`: what one unit of the previous total is in the new one. */
  #carryOver(survivors: readonly (Slot<T> | undefined)[], scale: number, due: Slot<T> | undefined): void {
    const newcomers: Slot<T>[] = []
    let next: Slot<T> | undefined
    for (const slot of this.#slots) {
      const before = survivors[slot.place]
      if (before === due) next = slot
      if (slot.weight === 0) continue
      if (before === undefined) newcomers.push(slot)
      else {
        slot.current = Math.round(before.current * scale)
        slot.detour = before.detour * scale
      }
    }
    if (this.#random !== undefined) this.#placeNewcomers(newcomers, next, this.#random)
    this.#settle()
  }

  #placeNewcomers(newcomers: readonly Slot<T>[], next: Slot<T> | undefined, random: Random): void {
    const latest = next?.standing ?? Number.POSITIVE_INFINITY
    for (const slot of newcomers) {
      const current = slot.weight - this.#total + randomInteger(random, this.#total)
      slot.current = Math.min(current, latest - slot.weight - 1)
    }
  }

  /** Spreads what is missing to a sum of zero over the slots, by weight, in integers. */
  #settle(): void {
    const surplus = this.#slots.reduce((sum, { current }) => sum + current, 0)
    let rest = surplus
    for (const slot of this.#slots) {
      const share = Math.trunc((surplus * slot.weight) / this.#total)
      slot.current -= share
      rest -= share
    }
    while (rest !== 0) {
      const unit = Math.sign(rest)
      for (const slot of this.#slots) {
        if (slot.weight === 0 || rest === 0) continue
        slot.current -= unit
        rest -= unit
      }
    }
  }

  /**
   * Without survivors there is no place to keep. When the one that was next is gone, it is given up for a random one: all
   * clients whose next was within a batch that was replaced would go on in step otherwise.
   */
  #isPlaceLost(due: Slot<T> | undefined, survivors: readonly (Slot<T> | undefined)[]): boolean {
    if (survivors.every((slot) => slot === undefined)) return true
    return this.#random !== undefined && !survivors.includes(due)
  }

  #byOrigin(before: readonly Slot<T>[], origins: readonly number[]): readonly (Slot<T> | undefined)[] {
    return origins.map((origin) => (origin === -1 ? undefined : before[origin]))
  }

  #byKey(before: readonly Slot<T>[]): readonly (Slot<T> | undefined)[] {
    const { keyOf } = this.#item
    const slots = new Map(before.map((slot) => [keyOf(slot.item), slot]))
    return this.#slots.map(({ item }) => slots.get(keyOf(item)))
  }

  #isSame(items: readonly T[]): boolean {
    const { keyOf, weightOf } = this.#item
    const slots = this.#slots
    if (slots.length !== items.length) return false
    return items.every((item, index) => {
      const before = slots[index]?.item
      return before !== undefined && keyOf(item) === keyOf(before) && weightOf(item) === weightOf(before)
    })
  }
}
