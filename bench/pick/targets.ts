import { numberText } from '../number-text.ts'
import { spreadOf } from '../spread.ts'
import { higherIsBetter, lowerIsBetter, type Target } from '../target.ts'
import { type AcquireCost, acquireDefault } from './acquire-cost.ts'
import type { Allocation } from './allocations.ts'
import type { Contender } from './contender.ts'
import { type Pairing, pairings } from './contenders.ts'
import { floor } from './contenders-baseline.ts'
import { lbRoundRobin, lbRoundRobinService, lbSmoothWeighted, lbSmoothWeightedService } from './contenders-lb.ts'
import { type Cell, ratio } from './measure.ts'
import { type UpdateCost, updateFloor } from './update-cost.ts'

export interface Judged {
  readonly cells: readonly Cell[]
  readonly allocations: readonly Allocation[]
  readonly acquires: readonly AcquireCost[]
  readonly updates: readonly UpdateCost[]
}

/** Most milliseconds of an update, by number of instances. */
const updateLimits: ReadonlyMap<number, number> = new Map([
  [10_000, 5],
  [100_000, 60],
])

export function judgeTargets({ cells, allocations, acquires, updates }: Judged): Target[] {
  return [
    withinFloor('round robin', lbRoundRobin, 1.5, cells),
    withinFloor('smooth weighted in replay', lbSmoothWeighted, 2, cells),
    withinNanoseconds(lbRoundRobinService, 50, cells),
    withinNanoseconds(lbSmoothWeightedService, 50, cells),
    allocatesNothing(allocations),
    acquireWithin(300, acquires),
    ...Array.from(updateLimits, ([count, limit]) => updatesWithin(count, limit, updates)).flat(),
    ...pairings.map((pairing) => fasterThan(pairing, cells)),
  ]
}

function withinFloor(what: string, { name }: Contender, limit: number, cells: readonly Cell[]): Target {
  const floors = cellsOf(floor.name, cells)
  const worst = cellsOf(name, cells)
    .map((cell, index) => ({ count: cell.count, times: ratio(cell, floors[index] as Cell) }))
    .reduce((most, each) => (each.times > most.times ? each : most))
  return {
    text: `${what} ≤ ${limit} × the floor at every size`,
    met: worst.times <= limit,
    evidence: `at most ${worst.times.toFixed(2)} × (${worst.count} instances)`,
    ratio: lowerIsBetter(worst.times),
  }
}

function withinNanoseconds({ name }: Contender, limit: number, cells: readonly Cell[]): Target {
  const worst = cellsOf(name, cells)
    .map((cell) => ({ count: cell.count, ns: spreadOf(cell.rounds).median }))
    .reduce((most, each) => (each.ns > most.ns ? each : most))
  return {
    text: `${name} ≤ ${limit} ns at every size`,
    met: worst.ns <= limit,
    evidence: `at most ${worst.ns.toFixed(1)} ns (${worst.count} instances)`,
  }
}

/** V8 puts the result of `Math.random()` in a box, also where it is called directly. */
const boxBytes = 16
/** Of a measurement over few picks, and for the third number that decides a tie. */
const toleratedBytes = 1

function allocatesNothing(allocations: readonly Allocation[]): Target {
  const some = allocations.filter(({ ours, draws, bytesPerPick }) => {
    const allowed = draws === 0 ? 0 : draws * boxBytes + toleratedBytes
    return ours && !(bytesPerPick <= allowed)
  })
  return {
    text: 'every Balancer.pick (smooth weighted in replay) and lb.pick allocate nothing but the numbers of Math.random()',
    met: some.length === 0,
    evidence:
      some.map(({ name, bytesPerPick }) => `${name}: ${numberText(bytesPerPick)} bytes per pick`).join(', ') ||
      '0 bytes per pick beyond them',
  }
}

function acquireWithin(limit: number, acquires: readonly AcquireCost[]): Target {
  const ns = acquires.find(({ name }) => name === acquireDefault)?.spread.median ?? Number.NaN
  return { text: `${acquireDefault} ≤ ${limit} ns`, met: ns <= limit, evidence: `${ns.toFixed(0)} ns` }
}

/** The slowest balancer, and the whole path; none for a number of instances that was not measured. */
function updatesWithin(count: number, limit: number, updates: readonly UpdateCost[]): Target[] {
  const measured = updates.filter((each) => each.count === count && each.name !== updateFloor)
  return [true, false].flatMap((whole) => {
    const costs = measured.filter((each) => each.isWholePath === whole)
    if (costs.length === 0) return []
    const worst = costs.reduce((most, each) => (each.spread.median > most.spread.median ? each : most))
    return [
      {
        text: `${whole ? 'update from discovery to balancer' : 'Balancer.update'}, 1 % of ${count} instances changed ≤ ${limit} ms`,
        met: worst.spread.median <= limit,
        evidence: `at most ${worst.spread.median.toFixed(1)} ms (${worst.name})`,
      },
    ]
  })
}

function fasterThan({ ours, peer }: Pairing, cells: readonly Cell[]): Target {
  const peers = cellsOf(peer.name, cells)
  const worst = cellsOf(ours.name, cells)
    .map((cell, index) => ({ count: cell.count, times: ratio(peers[index] as Cell, cell) }))
    .reduce((least, each) => (each.times < least.times ? each : least))
  return {
    text: `${ours.name} faster than ${peer.name} at every size`,
    met: worst.times > 1,
    evidence: `at least ${worst.times.toFixed(worst.times < 10 ? 2 : 0)} × (${worst.count} instances)`,
    ratio: higherIsBetter(worst.times),
  }
}

function cellsOf(name: string, cells: readonly Cell[]): Cell[] {
  return cells.filter((cell) => cell.name === name)
}
