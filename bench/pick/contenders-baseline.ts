import type { Clock, ServiceInstance } from '@lb/core'
import { systemClock } from '@lb/core/authoring'
import { type Contender, instancesOf, weightOf } from './contender.ts'

/** The least a round robin can cost. */
export const floor: Contender = {
  name: 'floor: a[i++ % n]',
  open(count) {
    const instances = instancesOf(count, 'equal')
    return { run: (picks) => pickByModulo(instances, picks) }
  },
}

function pickByModulo(instances: readonly ServiceInstance[], picks: number): number {
  const count = instances.length
  let missing = 0
  let i = 0
  while (i < picks) if (instances[i++ % count] === undefined) missing++
  return missing
}

/** What chance itself allocates: a number that a function returns is put in a box, unless the function is part of the loop. */
export const chance: Contender = {
  name: 'floor: Math.random() through a function',
  open() {
    const random = (): number => Math.random()
    return { run: (picks) => draw(random, picks) }
  },
}

function draw(random: () => number, picks: number): number {
  let missing = 0
  for (let i = 0; i < picks; i++) if (!(random() < 1)) missing++
  return missing
}

/** What a look at the clock allocates. */
export const clock: Contender = {
  name: 'floor: systemClock.now()',
  open() {
    return { run: (picks) => look(systemClock, picks) }
  },
}

function look(time: Clock, picks: number): number {
  let missing = 0
  for (let i = 0; i < picks; i++) if (!(time.now() >= 0)) missing++
  return missing
}

/** Smooth weighted round robin as nginx does it on every pick, on typed arrays, which is its fastest form here. */
export const nginx: Contender = {
  name: 'nginx-style smooth weighted, O(n)',
  open(count) {
    const instances = instancesOf(count, 'weighted')
    const weights = Float64Array.from(instances, (_, index) => weightOf(index))
    const currents = new Float64Array(count)
    return { run: (picks) => pickByScan(instances, weights, currents, picks) }
  },
}

function pickByScan(
  instances: readonly ServiceInstance[],
  weights: Float64Array,
  currents: Float64Array,
  picks: number,
): number {
  let missing = 0
  for (let i = 0; i < picks; i++) if (instances[heaviest(weights, currents)] === undefined) missing++
  return missing
}

function heaviest(weights: Float64Array, currents: Float64Array): number {
  let best = 0
  let bestCurrent = Number.NEGATIVE_INFINITY
  let total = 0
  for (let slot = 0; slot < weights.length; slot++) {
    const weight = weights[slot] as number
    const current = (currents[slot] as number) + weight
    currents[slot] = current
    total += weight
    if (current > bestCurrent) {
      best = slot
      bestCurrent = current
    }
  }
  currents[best] = bestCurrent - total
  return best
}
