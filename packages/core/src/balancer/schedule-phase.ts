import { type Random, randomInteger } from '../random.ts'

/** Most work (steps × different weights) spent on walking to a phase; beyond it the phase is computed. */
const maxWalk = 4_000_000

/**
 * The currents of smooth weighted round robin `phase` steps after its start, or a random number of steps.
 *
 * The way there is walked, in O(different weights) a step, and exact. Where that would take too long (cycles of millions
 * of steps), the state is computed by largest remainders: every slot is then within one turn of where it would be. So
 * that fresh schedules spread their first picks by weight also then, a random slot is made the first.
 */
export function currentsAtPhase(weights: Float64Array, total: number, phase: number | Random): Float64Array {
  const steps = typeof phase === 'number' ? phase % total : randomInteger(phase, total)
  const classes = weightClasses(weights)
  if (steps * classes.length <= maxWalk) return walk(weights, total, classes, steps)
  const currents = largestRemainders(weights, total, steps)
  if (typeof phase === 'function') makeFirst(currents, weights, slotByWeight(weights, total, phase))
  return currents
}

/** Slots of the same weight. From the start on they take turns in order, so that only one of them can be next. */
interface WeightClass {
  readonly weight: number
  readonly slots: readonly number[]
  /** Index of the next in `slots`. */
  next: number
  /** Turns that the next one had so far; those before it had one more. */
  turns: number
}

function weightClasses(weights: Float64Array): WeightClass[] {
  const slots = new Map<number, number[]>()
  for (const [slot, weight] of weights.entries()) {
    if (weight === 0) continue
    const members = slots.get(weight)
    if (members === undefined) slots.set(weight, [slot])
    else members.push(slot)
  }
  return Array.from(slots, ([weight, members]) => ({ weight, slots: members, next: 0, turns: 0 }))
}

function walk(weights: Float64Array, total: number, classes: readonly WeightClass[], steps: number): Float64Array {
  for (let step = 1; step <= steps; step++) takeTurn(classes, total, step)
  const currents = new Float64Array(weights.length)
  for (const { weight, slots, next, turns } of classes) {
    for (const [index, slot] of slots.entries()) {
      currents[slot] = steps * weight - (index < next ? turns + 1 : turns) * total
    }
  }
  return currents
}

function takeTurn(classes: readonly WeightClass[], total: number, step: number): void {
  let best = classes[0] as WeightClass
  let bestCurrent = Number.NEGATIVE_INFINITY
  for (const each of classes) {
    const current = step * each.weight - each.turns * total
    if (current < bestCurrent || (current === bestCurrent && firstSlot(each) > firstSlot(best))) continue
    best = each
    bestCurrent = current
  }
  best.next++
  if (best.next < best.slots.length) return
  best.next = 0
  best.turns++
}

function firstSlot({ slots, next }: WeightClass): number {
  return slots[next] as number
}

// In BigInt: steps × weight can exceed what a number holds exactly.
function largestRemainders(weights: Float64Array, total: number, steps: number): Float64Array {
  const remainders = weights.map((weight) => Number((BigInt(steps) * BigInt(weight)) % BigInt(total)))
  const missing = Math.round(remainders.reduce((sum, remainder) => sum + remainder, 0) / total)
  const bySize = Array.from(remainders.keys()).sort(
    (a, b) => (remainders[b] as number) - (remainders[a] as number) || a - b,
  )
  for (const slot of bySize.slice(0, missing)) remainders[slot] = (remainders[slot] as number) - total
  return remainders
}

function slotByWeight(weights: Float64Array, total: number, random: Random): number {
  let rest = randomInteger(random, total)
  return weights.findIndex((weight) => {
    rest -= weight
    return rest < 0
  })
}

/** Gives `slot` the credit it lacks to be next, at the cost of the one that was. */
function makeFirst(currents: Float64Array, weights: Float64Array, slot: number): void {
  const standing = currents.map((current, index) => current + (weights[index] as number))
  const first = standing.reduce((best, value, index) => (value > (standing[best] as number) ? index : best), 0)
  if (first === slot) return
  const lacking = (standing[first] as number) - (standing[slot] as number)
  currents[slot] = (currents[slot] as number) + lacking
  currents[first] = (currents[first] as number) - lacking
}
