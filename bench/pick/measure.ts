import { pairedRatio } from '../spread.ts'
import type { Contender, Run } from './contender.ts'

export interface MeasureOptions {
  readonly rounds: number
  readonly roundMs: number
}

/** The rounds of one contender at one number of instances, in nanoseconds per pick, in the order they were run. */
export interface Cell {
  readonly name: string
  readonly count: number
  readonly rounds: readonly number[]
}

const warmUpRuns = 3

interface Lane {
  readonly contender: Contender
  readonly run: Run
  readonly picks: number
  readonly rounds: number[]
}

/** Measures all contenders at each of `counts` instances. `progress` is told before each. */
export async function measure(
  contenders: readonly Contender[],
  counts: readonly number[],
  options: MeasureOptions,
  progress: (count: number) => void,
): Promise<Cell[]> {
  const cells: Cell[] = []
  const lanes: Lane[] = []
  for (const count of counts) {
    progress(count)
    globalThis.gc?.()
    const opened: Lane[] = []
    for (const contender of contenders) opened.push(await openLane(contender, count, options.roundMs))
    runInterleaved(opened, options.rounds)
    cells.push(...opened.map(({ contender: { name }, rounds }) => ({ name, count, rounds })))
    lanes.push(...opened)
  }
  // Only now: V8 forgets the layout of a class that has no instance left, and throws away the code compiled for it.
  for (const { run } of lanes) await run.close?.()
  return cells
}

async function openLane(contender: Contender, count: number, roundMs: number): Promise<Lane> {
  const run = await contender.open(count)
  return { contender, run, picks: warmUp(run, roundMs), rounds: [] }
}

/**
 * Each round gives everybody a turn, beginning with another one each time, so that what else the machine does meets
 * everybody alike.
 */
function runInterleaved(lanes: readonly Lane[], rounds: number): void {
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < lanes.length; turn++) {
      const lane = lanes[(round + turn) % lanes.length] as Lane
      lane.rounds.push(nanosecondsPerPick(lane.run, lane.picks))
    }
  }
}

/** Runs until V8 has optimised the loop, and gives how many picks fill a round. */
function warmUp(run: Run, roundMs: number): number {
  const maxPicks = run.maxPicks ?? Number.MAX_SAFE_INTEGER
  let picks = Math.min(1_000, maxPicks)
  for (;;) {
    const elapsedMs = (nanosecondsPerPick(run, picks) * picks) / 1e6
    if (elapsedMs >= roundMs || picks === maxPicks) break
    picks = Math.min(maxPicks, Math.ceil(picks * Math.min(10, Math.max(1.2, (1.1 * roundMs) / elapsedMs))))
  }
  let fastest = Number.POSITIVE_INFINITY
  for (let repeat = 0; repeat < warmUpRuns; repeat++) fastest = Math.min(fastest, nanosecondsPerPick(run, picks))
  return Math.min(maxPicks, Math.ceil((roundMs * 1e6) / fastest))
}

function nanosecondsPerPick(run: Run, picks: number): number {
  run.prepare?.(picks)
  const start = process.hrtime.bigint()
  const missing = run.run(picks)
  const elapsed = process.hrtime.bigint() - start
  if (missing !== 0) throw new RangeError(`${missing} of ${picks} picks gave nothing`)
  return Number(elapsed) / picks
}

/** How many times as long a pick of `cell` takes as one of `reference`. */
export function ratio(cell: Cell, reference: Cell): number {
  return pairedRatio(cell.rounds, reference.rounds)
}
