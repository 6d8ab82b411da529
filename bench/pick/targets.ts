import type { Allocation } from './allocations.ts'
import type { Contender } from './contender.ts'
import { type Pairing, pairings } from './contenders.ts'
import { floor } from './contenders-baseline.ts'
import { lbRoundRobin, lbRoundRobinService, lbSmoothWeighted, lbSmoothWeightedService } from './contenders-lb.ts'
import { type Cell, ratio, spreadOf } from './measure.ts'

export interface Target {
  readonly text: string
  readonly met: boolean
  /** What was measured, at its worst. */
  readonly evidence: string
}

/** Aims, not assertions: a slow machine fails nothing. */
export function judgeTargets(cells: readonly Cell[], allocations: readonly Allocation[]): Target[] {
  return [
    withinFloor('round robin', lbRoundRobin, 1.5, cells),
    withinFloor('smooth weighted in replay', lbSmoothWeighted, 2, cells),
    withinNanoseconds(lbRoundRobinService, 50, cells),
    withinNanoseconds(lbSmoothWeightedService, 50, cells),
    allocatesNothing(allocations),
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

function allocatesNothing(allocations: readonly Allocation[]): Target {
  const some = allocations.filter(({ ours, bytesPerPick }) => ours && bytesPerPick !== 0)
  return {
    text: 'RoundRobinBalancer, smooth weighted in replay and lb.pick allocate nothing',
    met: some.length === 0,
    evidence:
      some.map(({ name, bytesPerPick }) => `${name}: ${bytesPerPick} bytes per pick`).join(', ') || '0 bytes per pick',
  }
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
  }
}

function cellsOf(name: string, cells: readonly Cell[]): Cell[] {
  return cells.filter((cell) => cell.name === name)
}
