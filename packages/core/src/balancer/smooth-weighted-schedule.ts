import { type Random, randomInteger } from '../random.ts'
import { toIntegerWeights } from './integer-weights.ts'
import { currentsAtPhase } from './schedule-phase.ts'

/** Longest cycle that is kept for replay; at two bytes an entry this bounds the table to 128 KiB. */
const maxTableLength = 65_536
type Table = Uint16Array | Uint32Array

const noTable = new Uint16Array(0)

/**
 * Smooth weighted round robin over numbered slots, in nginx's order.
 *
 * Each step adds its weight to every slot's current weight, takes the slot with the largest (the first on a
 * tie) and subtracts the total from it. The currents are then all as before after total ÷ gcd steps, and every
 * slot has been taken exactly as often as its weight says. So one cycle is recorded as it is handed out, and
 * replayed from then on: O(1) per step, against O(slots) while recording. A cycle longer than 65 536 steps is
 * not recorded.
 *
 * Source: nginx, `ngx_http_upstream_get_peer`.
 */
export class SmoothWeightedSchedule {
  #weights: Float64Array = new Float64Array(0)
  #currents: Float64Array = new Float64Array(0)
  #total = 0
  /** Steps in one cycle, or 0 when that is too many to keep. */
  #cycleLength = 0
  /** Slots of one cycle, in order of their turns. Allocated by the first step. */
  #table: Table = noTable
  /** How many entries of the table are known. */
  #recorded = 0
  /** Position in the table, once it is all known. */
  #position = 0
  /** Currents when recording began: the cycle is closed when they return. */
  #cycleStart: Float64Array = this.#currents
  /** Currents of the picks that pass somebody over; see `nextExcept`. */
  #detour: Float64Array = this.#currents
  /** Draws the first of such picks, so that the retries of many processes do not all meet at one slot. */
  #detourStart: Random | undefined

  /** Starts afresh with `weights`, `phase` steps into the cycle, or at a random one. */
  reset(weights: readonly number[], phase: number | Random): void {
    this.#install(weights)
    if (this.#weights.length > 0) this.#currents = currentsAtPhase(this.#weights, this.#total, phase)
    this.#detourStart = typeof phase === 'function' ? phase : undefined
    this.#record()
  }

  /**
   * Changes the slots. `origin[i]` is the slot that slot `i` was before, or -1 for a new one. Survivors keep
   * their place: their credit is carried over as a fraction of a turn. The first cycle after a change may give a
   * slot one turn more or less than its weight; from then on cycles are exact again. New slots stand at a random place of
   * the cycle, after the one that is next: half a cycle from there, all clients would come to a batch of them at once.
   */
  reconcile(weights: readonly number[], origin: readonly number[], random?: Random): void {
    const due = this.peek()
    const before = this.#materialized()
    const scale = 1 / this.#total
    const previousDetour = this.#detour
    this.#install(weights)
    const total = this.#total
    for (const [slot, old] of origin.entries()) {
      if (old < 0 || this.#weights[slot] === 0) continue
      this.#currents[slot] = Math.round((before[old] as number) * scale * total)
      if (previousDetour.length > 0) this.#detour[slot] = (previousDetour[old] as number) * scale * total
    }
    if (random !== undefined) this.#placeNewcomers(origin, origin.indexOf(due), random)
    settle(this.#currents, this.#weights, total)
    this.#record()
  }

  /** One whole cycle, once it is known; it then goes round, beginning at `position`. */
  get cycle(): ArrayLike<number> | undefined {
    return this.#cycleLength > 0 && this.#recorded === this.#cycleLength ? this.#table : undefined
  }

  /** The next step of the cycle; whoever replays `cycle` himself puts it where he stopped. */
  get position(): number {
    return this.#position
  }

  set position(position: number) {
    this.#position = position
  }

  /** The slot whose turn it is. Call only when there is a slot. */
  next(): number {
    const position = this.#position
    const length = this.#cycleLength
    if (this.#recorded === length && length !== 0) {
      this.#position = position + 1 === length ? 0 : position + 1
      return this.#table[position] as number
    }
    return this.#stepRecording()
  }

  /**
   * A slot with a weight for which `excluded` is false, by the weights of those, or -1 when there is none. Such picks (retries,
   * mostly) keep credit of their own: they are smooth among themselves and take nobody's turn in `next`. O(slots).
   */
  nextExcept(excluded: (slot: number) => boolean): number {
    const weights = this.#weights
    const currents = this.#detour
    let total = 0
    let best = -1
    for (let slot = 0; slot < weights.length; slot++) {
      if (excluded(slot)) continue
      const weight = weights[slot] as number
      if (weight === 0) continue
      const current = (currents[slot] as number) + weight
      currents[slot] = current
      total += weight
      if (best === -1 || current > (currents[best] as number)) best = slot
    }
    if (best === -1) return -1
    if (this.#detourStart !== undefined) {
      best = this.#randomExcept(excluded, total, this.#detourStart)
      this.#detourStart = undefined
    }
    currents[best] = (currents[best] as number) - total
    return best
  }

  #randomExcept(excluded: (slot: number) => boolean, total: number, random: Random): number {
    let rest = randomInteger(random, total)
    return this.#weights.findIndex((weight, slot) => {
      if (weight === 0 || excluded(slot)) return false
      rest -= weight
      return rest < 0
    })
  }

  /** The slot that `next` would give, without giving it; -1 when there is no slot. */
  peek(): number {
    if (this.#recorded === this.#cycleLength && this.#cycleLength !== 0) return this.#table[this.#position] as number
    const standing = this.#currents.map((current, slot) => current + (this.#weights[slot] as number))
    return standing.reduce((best, value, slot) => (best === -1 || value > (standing[best] as number) ? slot : best), -1)
  }

  /** Current weight of every slot, in units in which one turn costs the total. They sum to zero. */
  currents(): readonly number[] {
    return Array.from(this.#materialized())
  }

  #placeNewcomers(origin: readonly number[], due: number, random: Random): void {
    const weights = this.#weights
    const dueStanding =
      due === -1 ? Number.POSITIVE_INFINITY : (this.#currents[due] as number) + (weights[due] as number)
    for (const [slot, old] of origin.entries()) {
      const weight = weights[slot] as number
      if (old >= 0 || weight === 0) continue
      const current = weight - this.#total + randomInteger(random, this.#total)
      this.#currents[slot] = Math.min(current, dueStanding - weight - 1)
    }
  }

  #install(weights: readonly number[]): void {
    this.#weights = toIntegerWeights(weights)
    this.#total = this.#weights.reduce((sum, weight) => sum + weight, 0)
    this.#currents = new Float64Array(weights.length)
    this.#detour = new Float64Array(weights.length)
  }

  #record(): void {
    this.#cycleLength = this.#total <= maxTableLength ? this.#total : 0
    this.#table = noTable
    this.#recorded = 0
    this.#position = 0
  }

  #stepRecording(): number {
    const length = this.#cycleLength
    if (length === 0) return this.#step()
    if (this.#recorded === 0) {
      if (this.#table.length === 0) this.#table = newTable(length, this.#weights.length)
      this.#cycleStart = this.#currents.slice()
    }
    const slot = this.#step()
    this.#table[this.#recorded++] = slot
    // The first cycle after a change does not always close; the next one does.
    if (this.#recorded === length && !sameNumbers(this.#currents, this.#cycleStart)) this.#recorded = 0
    return slot
  }

  #step(): number {
    const weights = this.#weights
    const currents = this.#currents
    let best = 0
    let bestCurrent = Number.NEGATIVE_INFINITY
    for (let slot = 0; slot < weights.length; slot++) {
      const current = (currents[slot] as number) + (weights[slot] as number)
      currents[slot] = current
      if (current > bestCurrent) {
        best = slot
        bestCurrent = current
      }
    }
    currents[best] = bestCurrent - this.#total
    return best
  }

  /** The currents as they stand now: while replaying they are derived from the position in the table. */
  #materialized(): Float64Array {
    if (this.#position === 0) return this.#currents
    const currents = this.#cycleStart.slice()
    for (const [slot, weight] of this.#weights.entries())
      currents[slot] = (currents[slot] as number) + this.#position * weight
    for (let step = 0; step < this.#position; step++) {
      const slot = this.#table[step] as number
      currents[slot] = (currents[slot] as number) - this.#total
    }
    return currents
  }
}

/** Spreads what is missing to a sum of zero over the slots, by weight, in integers. */
function settle(currents: Float64Array, weights: Float64Array, total: number): void {
  const surplus = currents.reduce((sum, current) => sum + current, 0)
  let rest = surplus
  for (const [slot, weight] of weights.entries()) {
    const share = Math.trunc((surplus * weight) / total)
    currents[slot] = (currents[slot] as number) - share
    rest -= share
  }
  const unit = Math.sign(rest)
  for (let slot = 0; rest !== 0; slot = (slot + 1) % currents.length) {
    if (weights[slot] === 0) continue
    currents[slot] = (currents[slot] as number) - unit
    rest -= unit
  }
}

// Drained slots may make a list longer than its cycle.
function newTable(length: number, slots: number): Table {
  return slots <= 65_536 ? new Uint16Array(length) : new Uint32Array(length)
}

function sameNumbers(left: Float64Array, right: Float64Array): boolean {
  return left.every((value, index) => value === right[index])
}
