/**
 * Everything in turn: `pnpm bench`, after `pnpm build`. `--quick` takes less than three minutes and is for trying out: its figures are
 * not to be kept. `--write` writes `bench/results/*.md`. Names run only those: `pnpm bench client proxy`. Ends with 1 when a
 * target is missed or a bench fails.
 */
import { parseArgs } from 'node:util'
import { findBinary } from 'test-servers'
import { type Bench, benches } from './benches.ts'
import { type BenchRun, runBench } from './run-bench.ts'
import { targetLinesIn } from './target.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, write: { type: 'boolean', default: false } },
})
const { quick, write } = values
if (quick && write)
  throw new Error('--quick and --write exclude each other: figures of the quick form are not to be kept')
const unknown = positionals.filter((name) => benches.every((bench) => bench.name !== name))
if (unknown.length > 0) {
  throw new Error(`no bench ${unknown.join(', ')}: there are ${benches.map(({ name }) => name).join(', ')}`)
}
const chosen = benches.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
const options = [...(quick ? ['--quick'] : []), ...(write ? ['--write'] : [])]

async function run(bench: Bench): Promise<BenchRun> {
  const missing = (bench.programs ?? []).filter((program) => findBinary(program) === undefined)
  if (missing.length > 0)
    return { name: bench.name, seconds: 0, report: '', notRun: `${missing.join(', ')} not installed` }
  console.error(`\n=== ${bench.name} ===`)
  const done = await runBench(bench, options)
  console.log(done.report)
  return done
}

const runs: BenchRun[] = []
const together = quick ? chosen.filter(({ isPatient }) => isPatient) : []
for (const bench of chosen) if (!together.includes(bench)) runs.push(await run(bench))
runs.push(...(await Promise.all(together.map(run))))

/** Whether nothing was missed, and what the run came to. */
function summary({ name, seconds, report, notRun, exitCode }: BenchRun): { isGood: boolean; lines: string[] } {
  const lines = targetLinesIn(report)
  const isMissed = lines.some((line) => line.startsWith('- ✘'))
  if (notRun === undefined && exitCode !== 0 && !isMissed) lines.push(`- ✘ failed: exit code ${exitCode}`)
  if (notRun !== undefined) lines.push(`- NOT RUN: ${notRun}`)
  lines.push(...report.split('\n').filter((line) => line.includes('NOT RUN')))
  if (lines.length === 0) lines.push('- no targets')
  return {
    isGood: !lines.some((line) => line.startsWith('- ✘')),
    lines: [`${name}, ${seconds.toFixed(0)} s`, ...lines],
  }
}

const summaries = runs.map(summary)
const all = summaries.flatMap(({ lines }) => lines)
const count = (mark: string): number => all.filter((line) => line.startsWith(`- ${mark}`)).length
console.log(['# Targets', '', ...all, '', `${count('✔')} met, ${count('✘')} missed`].join('\n'))
process.exitCode = summaries.every(({ isGood }) => isGood) ? 0 : 1
