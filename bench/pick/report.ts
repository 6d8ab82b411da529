import { markdownReport } from '../markdown-report.ts'
import { numberText, ratioText, spreadText } from '../number-text.ts'
import { spreadOf } from '../spread.ts'
import { table } from '../table.ts'
import type { Target } from '../target.ts'
import { type AcquireCost, acquireFloor } from './acquire-cost.ts'
import type { Allocation } from './allocations.ts'
import { pairings } from './contenders.ts'
import { floor } from './contenders-baseline.ts'
import { type Cell, type MeasureOptions, ratio } from './measure.ts'
import { type UpdateCost, updateFloor } from './update-cost.ts'

export interface Findings {
  readonly counts: readonly number[]
  readonly options: MeasureOptions
  readonly cells: readonly Cell[]
  readonly updates: readonly UpdateCost[]
  readonly acquires: readonly AcquireCost[]
  readonly allocations: readonly Allocation[]
  readonly targets: readonly Target[]
}

export function report(findings: Findings): string {
  const { options, targets } = findings
  return markdownReport({
    title: 'What a pick costs',
    command: 'bench:pick',
    intro: [
      `Every figure is the median of ${options.rounds} rounds of ${options.roundMs} ms,`,
      'the contenders interleaved in one process.',
    ],
    body: [
      '## Nanoseconds per pick, by number of instances',
      '',
      'Median (quartiles) × floor. Weighted contenders have weights 1 to 10 in turn.',
      '',
      pickTable(findings),
      '',
      '## How many times as fast as a peer that does the same',
      '',
      pairingTable(findings),
      '',
      '## Milliseconds per update in which 1 % of the instances change',
      '',
      'Median (quartiles) × floor, which only puts the list into a `Map` by id.',
      '',
      updateTable(findings.updates),
      '',
      '## Nanoseconds per `acquire` and `done`, 10 instances',
      '',
      'Median (quartiles), one call after the other.',
      '',
      acquireTable(findings.acquires),
      '',
      '## Bytes allocated per pick, 100 instances',
      '',
      allocationTable(findings.allocations),
      '',
    ],
    targets,
    notes,
  })
}

const notes: readonly string[] = [
  'A tight loop with warm caches: beside a real request these differences are small. The result is only compared with ' +
    'nothing, so V8 may leave out a result object (grpc-js round_robin) that a real call keeps. Contenders that allocate ' +
    'also pay for collections of a heap that holds everybody’s instances.',
  'Ratios are medians over the rounds of the ratio within a round.',
  'grpc-js: the real policies over made-up subchannels that say they are ready, weights from load reports. undici: the ' +
    'real `[kGetDispatcher]` of pools whose upstreams were never connected; RoundRobinPool goes round the connections of ' +
    'one origin. moleculer: the real `EndpointList.next`; preferring local nodes does not apply. A pick of theirs also looks at whether the connection or node is usable; lb decides that when the list changes.',
  'Pairings: round robin with every round robin; smooth weighted (in replay) and grouped with the weighted picker of ' +
    'grpc-js and with nginx’s algorithm; random with random, although only that of lb is weighted. BalancedPool has ' +
    'weights of its own, which only errors change, and counts as a round robin. No peer has a counter for several ' +
    'threads, and lb.pick, which looks up the service too, has no pair.',
  'Bytes: V8 puts each result of `Math.random()` in an object of 16 bytes, which is dead at once; random draws one, least ' +
    'request and peak EWMA two, and a third where two are equally good.',
  '“First cycle”: a fresh balancer, or one whose list changed, which picks in O(n) while it records its cycle. At most ' +
    '2 000 picks of each balancer and 20 000 balancers in a round, so its rounds are shorter for few instances. The others ' +
    'handed out two cycles before they were measured.',
]

function pickTable({ cells, counts }: Findings): string {
  const floors = cellsByCount(floor.name, cells)
  const names = [...new Set(cells.map(({ name }) => name))]
  const rows = names.map((name) => {
    const own = cellsByCount(name, cells)
    return [
      name,
      ...counts.map((count) => {
        const [cell, reference] = [own.get(count), floors.get(count)]
        if (cell === undefined || reference === undefined) return '–'
        return `${spreadText(spreadOf(cell.rounds))} ×${numberText(ratio(cell, reference))}`
      }),
    ]
  })
  return table(['', ...counts.map((count) => numberText(count))], rows)
}

function pairingTable({ cells, counts }: Findings): string {
  const rows = pairings.map(({ ours, peer }) => {
    const [own, others] = [cellsByCount(ours.name, cells), cellsByCount(peer.name, cells)]
    return [
      `${ours.name} : ${peer.name}`,
      ...counts.map((count) => {
        const [cell, other] = [own.get(count), others.get(count)]
        return cell === undefined || other === undefined ? '–' : numberText(ratio(other, cell))
      }),
    ]
  })
  return table(['', ...counts.map((count) => numberText(count))], rows)
}

function updateTable(updates: readonly UpdateCost[]): string {
  const counts = [...new Set(updates.map(({ count }) => count))]
  const rows = [...new Set(updates.map(({ name }) => name))].map((name) => [
    name,
    ...counts.map((count) => {
      const cost = updates.find((each) => each.name === name && each.count === count)
      return cost === undefined
        ? '–'
        : `${spreadText(cost.spread)} ×${ratioText(cost.spread.median / floorOf(updates, count))}`
    }),
  ])
  return table(['', ...counts.map((count) => numberText(count))], rows)
}

function floorOf(updates: readonly UpdateCost[], count: number): number {
  return updates.find((each) => each.name === updateFloor && each.count === count)?.spread.median ?? Number.NaN
}

function acquireTable(acquires: readonly AcquireCost[]): string {
  const floorNs = acquires.find(({ name }) => name === acquireFloor)?.spread.median ?? Number.NaN
  return table(
    ['', 'ns', '× floor'],
    acquires.map(({ name, spread }) => [name, spreadText(spread), ratioText(spread.median / floorNs)]),
  )
}

function allocationTable(allocations: readonly Allocation[]): string {
  const rows = allocations.map(({ name, bytesPerPick, picks }) => [name, numberText(bytesPerPick), numberText(picks)])
  return table(['', 'bytes', 'picks without a collection'], rows)
}

function cellsByCount(name: string, cells: readonly Cell[]): ReadonlyMap<number, Cell> {
  return new Map(cells.filter((cell) => cell.name === name).map((cell) => [cell.count, cell]))
}
