import { availableParallelism } from 'node:os'
import type { Allocation } from './allocations.ts'
import { pairings } from './contenders.ts'
import { floor } from './contenders-baseline.ts'
import { type Cell, type MeasureOptions, ratio, type Spread, spreadOf } from './measure.ts'
import type { Target } from './targets.ts'
import type { UpdateCost } from './update-cost.ts'

export interface Findings {
  readonly counts: readonly number[]
  readonly options: MeasureOptions
  readonly cells: readonly Cell[]
  readonly updates: readonly UpdateCost[]
  readonly allocations: readonly Allocation[]
  readonly targets: readonly Target[]
}

/** The findings as Markdown that also reads well in a terminal. */
export function report(findings: Findings): string {
  const { options, targets } = findings
  return [
    '# What a pick costs',
    '',
    `\`pnpm bench:pick\`, Node ${process.versions.node}, ${machine()}. Every figure is the median of ${options.rounds} rounds of ${options.roundMs} ms,`,
    'the contenders interleaved in one process.',
    '',
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
    'Median (quartiles).',
    '',
    updateTable(findings.updates),
    '',
    '## Bytes allocated per pick, 100 instances',
    '',
    allocationTable(findings.allocations),
    '',
    '## Targets',
    '',
    ...targets.map(({ text, met, evidence }) => `- ${met ? '✔' : '✘'} ${text}: ${evidence}`),
    '',
    '## Notes',
    '',
    ...notes.map((note) => `- ${note}`),
    '',
  ].join('\n')
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
  '“First cycle”: a fresh balancer, or one whose list changed, which picks in O(n) while it records its cycle. At most ' +
    '2 000 picks of each balancer and 20 000 balancers in a round, so its rounds are shorter for few instances. The others ' +
    'handed out two cycles before they were measured.',
]

function machine(): string {
  const architecture = process.arch === 'x64' ? 'x86-64' : process.arch
  return `${availableParallelism()} shared ${architecture} cores`
}

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
      return cost === undefined ? '–' : spreadText(cost.spread)
    }),
  ])
  return table(['', ...counts.map((count) => numberText(count))], rows)
}

function allocationTable(allocations: readonly Allocation[]): string {
  const rows = allocations.map(({ name, bytesPerPick, picks }) => [name, numberText(bytesPerPick), numberText(picks)])
  return table(['', 'bytes', 'picks without a collection'], rows)
}

function cellsByCount(name: string, cells: readonly Cell[]): ReadonlyMap<number, Cell> {
  return new Map(cells.filter((cell) => cell.name === name).map((cell) => [cell.count, cell]))
}

function spreadText({ median, lower, upper }: Spread): string {
  return `${numberText(median)} (${numberText(lower)}–${numberText(upper)})`
}

/** Two or three digits that count, and thousands apart. */
function numberText(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (Number.isInteger(value) || value >= 100) return Math.round(value).toLocaleString('en').replaceAll(',', ' ')
  return value.toFixed(value < 1 ? 2 : 1)
}

/** The first column to the left, the others to the right. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0), 3))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  return [line(head), line(rule), ...rows.map(line)].join('\n')
}
