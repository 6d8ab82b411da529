import type { Random } from '../../base/random.ts'

/** Up to this number, all are compared: two samples of three would miss the best every third time. */
const scanLimit = 4

/**
 * Draws distinct slots, each with a probability proportional to its weight among those not drawn yet. O(log slots) for
 * each, and O(1) when all weights are equal. Allocates nothing but the numbers of `random`.
 *
 * What is drawn stands in `slots`. Its first entry is a plain draw by weight: a balancer that keeps it unless another is
 * better follows the weights if all are equally good.
 *
 * Sources: L. Devroye, "Non-uniform random variate generation" (1986), inversion by bisection of the sums; without replacement, one
 * after the other, as P. Efraimidis and P. Spirakis define it in "Weighted random sampling with a reservoir" (2006).
 */
export class WeightedSample {
  readonly #random: Random
  readonly #choices: number
  /** What the last draw gave, the first drawn first. */
  slots: Uint32Array = new Uint32Array(0)
  /** Weights, scaled to a mean of 1; all 1 when all were 0. */
  weights: Float64Array = new Float64Array(0)
  /** Sums of the weights up to and with each slot. */
  #ends: Float64Array = this.weights
  #total = 0
  #equal = true
  /** The slots drawn so far, in ascending order. */
  readonly #taken: Uint32Array

  /** `choices` slots are drawn, or all where there are at most four. */
  constructor(random: Random, choices: number) {
    this.#random = random
    this.#choices = choices
    this.#taken = new Uint32Array(choices)
  }

  /** Each of `weights` must be positive, or all 0. */
  update(weights: readonly number[]): void {
    // Divided by the largest first: the sum of huge weights would overflow.
    const largest = Math.max(
      0,
      weights.reduce((most, weight) => Math.max(most, weight), 0),
    )
    const relative = Float64Array.from(weights, (weight) => (largest > 0 ? weight / largest : 1))
    this.#equal = relative.every((weight) => weight === 1)
    const mean = relative.reduce((sum, weight) => sum + weight, 0) / relative.length
    this.weights = this.#equal ? relative : relative.map((weight) => weight / mean)
    this.slots = new Uint32Array(weights.length)
    this.#total = 0
    this.#ends = this.weights.map((weight) => {
      this.#total += weight
      return this.#total
    })
  }

  /** Draws the first. Call only when there is a slot. */
  first(): number {
    const slot = this.#draw(0)
    this.slots[0] = slot
    return slot
  }

  /** Draws the others to go with `first`; gives how many slots there are then. */
  others(first: number): number {
    const count = this.weights.length
    if (count <= scanLimit || count <= this.#choices) return this.#all(first)
    let last = first
    for (let known = 1; known < this.#choices; known++) {
      this.#take(last, known - 1)
      last = this.#draw(known)
      this.slots[known] = last
    }
    return this.#choices
  }

  /** All slots that are not `excluded`, the first of them drawn by weight; gives how many there are. O(slots). */
  allExcept(excluded: (slot: number) => boolean): number {
    const { slots, weights } = this
    let count = 0
    let total = 0
    for (let slot = 0; slot < weights.length; slot++) {
      if (excluded(slot)) continue
      slots[count++] = slot
      total += weights[slot] ?? 0
    }
    let rest = this.#random() * total
    for (let index = 0; index < count; index++) {
      const slot = slots[index] ?? 0
      rest -= weights[slot] ?? 0
      if (rest >= 0) continue
      slots[index] = slots[0] ?? 0
      slots[0] = slot
      break
    }
    return count
  }

  /** Whether chance is for `weight` against all of `total`, which contains it. */
  favours(weight: number, total: number): boolean {
    return this.#random() * total < weight
  }

  #all(first: number): number {
    const { slots } = this
    const count = this.weights.length
    slots[0] = first
    for (let slot = 0, index = 1; slot < count; slot++) if (slot !== first) slots[index++] = slot
    return count
  }

  /** Puts `slot` among the first `known` of `#taken`. */
  #take(slot: number, known: number): void {
    const taken = this.#taken
    let index = known
    for (; index > 0 && (taken[index - 1] ?? 0) > slot; index--) taken[index] = taken[index - 1] ?? 0
    taken[index] = slot
  }

  /** A slot that is none of the first `known` of `#taken`. One function, as a number handed to another is put in a box. */
  #draw(known: number): number {
    const ends = this.#ends
    const taken = this.#taken
    const weights = this.weights
    let total = this.#total
    for (let index = 0; index < known; index++) total -= weights[taken[index] ?? 0] ?? 0
    let value = this.#random() * total
    // Skips the taken slots.
    for (let index = 0; index < known; index++) {
      const slot = taken[index] ?? 0
      const weight = weights[slot] ?? 0
      if (value < (ends[slot] ?? 0) - weight) break
      value += weight
    }
    // The first slot that ends beyond the value, whatever that is: an injected generator may give 1 or NaN.
    let slot = 0
    let high = ends.length - 1
    if (this.#equal) {
      slot = value < high ? Math.max(0, Math.floor(value)) : value >= high ? high : 0
    } else {
      while (slot < high) {
        const middle = (slot + high) >>> 1
        if ((ends[middle] ?? 0) > value) high = middle
        else slot = middle + 1
      }
    }
    // Rounding may lead back to one of the taken.
    while (this.#isTaken(slot, known)) slot = slot + 1 < ends.length ? slot + 1 : 0
    return slot
  }

  #isTaken(slot: number, known: number): boolean {
    for (let index = 0; index < known; index++) if (this.#taken[index] === slot) return true
    return false
  }
}
