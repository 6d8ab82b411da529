import { type Random, randomInteger } from '../../base/random.ts'
import { drawnByWeight, mostDue, type Slot } from './slot.ts'

/** Most work (steps × different weights) spent on walking to a phase; beyond it the phase is computed. */
const maxWalk = 4_000_000

/**
 * Sets the currents to those of smooth weighted round robin `phase` steps after its start, or a random number of steps.
 *
 * The way there is walked, in O(different weights) a step, and exact. That takes up to some 20 ms for the longest cycle that
 * is walked. Where it would take longer (cycles of millions of steps), the state is computed by largest remainders: every slot
 * is then within one turn of where it would be, and the first cycle may give a slot one turn more or less than its weight. So
 * that fresh schedules spread their first picks by weight also then, a slot drawn by weight is made the first.
 */
export function enterPhase<T>(slots: readonly Slot<T>[], total: number, phase: number | Random): void {
  const steps = typeof phase === 'number' ? phase % total : randomInteger(phase, total)
  const classes = weightClasses(slots)
  if (steps * classes.length <= maxWalk) {
    for (let step = 1; step <= steps; step++) takeTurn(classes, total, step)
    for (const each of classes) each.setCurrents(total, steps)
    return
  }
  setLargestRemainders(slots, total, steps)
  if (typeof phase === 'function') makeFirst(slots, drawnByWeight(slots, total, phase))
}

/** Slots of the same weight. From the start on they take turns in order, so that only one of them can be next. */
class WeightClass<T> {
  readonly weight: number
  /** The one that is next. */
  due: Slot<T>
  readonly #slots: Slot<T>[]
  #next = 0
  /** Turns that the next one had so far; those before it had one more. */
  #turns = 0

  constructor(first: Slot<T>) {
    this.weight = first.weight
    this.due = first
    this.#slots = [first]
  }

  add(slot: Slot<T>): void {
    this.#slots.push(slot)
  }

  currentAt(step: number, total: number): number {
    return step * this.weight - this.#turns * total
  }

  takeTurn(): void {
    const following = this.#slots[this.#next + 1]
    this.#next = following === undefined ? 0 : this.#next + 1
    if (following === undefined) this.#turns++
    this.due = following ?? this.#slots[0] ?? this.due
  }

  setCurrents(total: number, steps: number): void {
    for (const [index, slot] of this.#slots.entries()) {
      slot.current = this.currentAt(steps, total) - (index < this.#next ? total : 0)
    }
  }
}

function weightClasses<T>(slots: readonly Slot<T>[]): readonly WeightClass<T>[] {
  const classes = new Map<number, WeightClass<T>>()
  for (const slot of slots) {
    if (slot.weight === 0) continue
    const known = classes.get(slot.weight)
    if (known === undefined) classes.set(slot.weight, new WeightClass(slot))
    else known.add(slot)
  }
  return [...classes.values()]
}

function takeTurn<T>(classes: readonly WeightClass<T>[], total: number, step: number): void {
  let best: WeightClass<T> | undefined
  let bestCurrent = Number.NEGATIVE_INFINITY
  for (const each of classes) {
    const current = each.currentAt(step, total)
    const isFirst = best === undefined || each.due.place < best.due.place
    if (current < bestCurrent || (current === bestCurrent && !isFirst)) continue
    best = each
    bestCurrent = current
  }
  best?.takeTurn()
}

// In BigInt: steps × weight can exceed what a number holds exactly.
function setLargestRemainders<T>(slots: readonly Slot<T>[], total: number, steps: number): void {
  let sum = 0
  for (const slot of slots) {
    slot.current = Number((BigInt(steps) * BigInt(slot.weight)) % BigInt(total))
    sum += slot.current
  }
  const bySize = [...slots].sort((left, right) => right.current - left.current || left.place - right.place)
  for (const slot of bySize.slice(0, Math.round(sum / total))) slot.current -= total
}

/** Gives `slot` the credit it lacks to be next, at the cost of the one that was. */
function makeFirst<T>(slots: readonly Slot<T>[], slot: Slot<T> | undefined): void {
  const first = mostDue(slots)
  if (first === undefined || slot === undefined || first === slot) return
  const lacking = first.standing - slot.standing
  slot.current += lacking
  first.current -= lacking
}
