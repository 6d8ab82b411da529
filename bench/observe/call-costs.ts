import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { numberText, ratioText, spreadText } from '../number-text.ts'
import { pairedRatio, spreadOf } from '../spread.ts'
import { table } from '../table.ts'

/** What one `lb.execute` takes whose attempt is a settled promise. */
interface CallCost {
  readonly nanoseconds: number
  /** Allocated, its promises included. */
  readonly bytes: number
}

const contenders = {
  unobserved: 'not observed',
  others: 'a listener to other events',
  finished: 'a listener to `call-finished`',
  observer: 'an observer of calls and attempts',
} as const

/** The name of a contender. */
export type CallContenderName = keyof typeof contenders

/** The costs of each contender, in the order of the rounds. */
export type CallCosts = ReadonlyMap<string, CallCost[]>

const program = fileURLToPath(new URL('observed-calls.ts', import.meta.url))
// A young generation that no round fills, in MiB. It is no measure of time: it is larger than the caches of a processor.
const young = '64'
const allocating = ['--expose-gc', `--min-semi-space-size=${young}`, `--max-semi-space-size=${young}`]

/** Each contender once in each round, each time in a process of its own. */
export async function measureCallCosts(rounds: number): Promise<CallCosts> {
  const costs: CallCosts = new Map(Object.keys(contenders).map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, found] of costs) {
      const nanoseconds = await figure([program, name, 'time'])
      found.push({ nanoseconds, bytes: await figure([...allocating, program, name, 'bytes']) })
    }
  }
  return costs
}

async function figure(given: readonly string[]): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, given)
  return Number(stdout)
}

export function callCostTable(costs: CallCosts): string {
  const timesOf = (name: string): number[] => (costs.get(name) ?? []).map(({ nanoseconds }) => nanoseconds)
  const bytesOf = (name: string): number => spreadOf((costs.get(name) ?? []).map(({ bytes }) => bytes)).median
  const rows = Object.entries(contenders).map(([name, text]) => [
    text,
    spreadText(spreadOf(timesOf(name))),
    ratioText(pairedRatio(timesOf(name), timesOf('unobserved'))),
    numberText(Math.round(bytesOf(name))),
    numberText(Math.round(bytesOf(name) - bytesOf('unobserved'))),
  ])
  return table(['`lb.execute` of a settled promise', 'ns', '× not observed', 'bytes', 'more bytes'], rows)
}
