import { readFile, writeFile } from 'node:fs/promises'
import type { BenchRun } from './run-bench.ts'
import type { Ratio } from './target.ts'

/** Of each bench, by the text of the target. */
export type AcceptedRatios = Record<string, Record<string, Ratio>>

/** A ratio that got worse than what was accepted. */
export interface Regression {
  readonly bench: string
  readonly text: string
  readonly was: number
  readonly is: number
}

/** Ratios of the quick form differ by as much from run to run. */
const tolerance = 0.15

const file = new URL('results/quick-ratios.json', import.meta.url)

export async function readAcceptedRatios(): Promise<AcceptedRatios> {
  return JSON.parse(await readFile(file, 'utf8')) as AcceptedRatios
}

/** Accepts the ratios of these runs; those of other benches stay. */
export async function acceptRatios(runs: readonly BenchRun[]): Promise<void> {
  const accepted = await readAcceptedRatios()
  for (const run of runs) {
    const ratios = run.targets.flatMap(({ text, ratio }) =>
      ratio === undefined ? [] : [[text, { ...ratio, value: Number(ratio.value.toPrecision(3)) }] as const],
    )
    if (ratios.length > 0) accepted[run.name] = Object.fromEntries(ratios)
  }
  await writeFile(file, `${JSON.stringify(accepted, undefined, 2)}\n`)
}

/** What is worse than accepted by more than the tolerance. A target that is new has nothing to be compared with. */
export function regressionsOf({ name, targets }: BenchRun, accepted: AcceptedRatios): Regression[] {
  return targets.flatMap(({ text, ratio }) => {
    const was = accepted[name]?.[text]?.value
    if (ratio === undefined || was === undefined) return []
    const isWorse =
      ratio.better === 'higher' ? ratio.value < was * (1 - tolerance) : ratio.value > was * (1 + tolerance)
    return isWorse ? [{ bench: name, text, was, is: ratio.value }] : []
  })
}
