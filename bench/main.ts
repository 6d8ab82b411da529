/**
 * Everything in turn: `pnpm bench`, after `pnpm build`. Names run only those: `pnpm bench client proxy`. `--write` writes
 * `bench/results/*.md`, and their index if all benches run. `--quick` takes a few minutes; its figures are not to be kept, but
 * `--quick --accept` keeps its ratios, and `--quick --compare` prints which became worse since, twice in a row. Ends with 1 when a
 * target is missed or a bench fails; with `--compare`, only when a bench fails.
 */
import { parseArgs } from 'node:util'
import { findBinary } from 'test-servers'
import { acceptRatios, readAcceptedRatios, regressionsOf } from './accepted-ratios.ts'
import { type Bench, benches } from './benches.ts'
import { writeResult } from './result-file.ts'
import { linesOf, resultsPage } from './results-page.ts'
import { type BenchRun, runBench } from './run-bench.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    accept: { type: 'boolean', default: false },
    compare: { type: 'boolean', default: false },
  },
})
const { quick, write, accept, compare } = values
if (quick && write)
  throw new Error('--quick and --write exclude each other: figures of the quick form are not to be kept')
if ((accept || compare) && !quick)
  throw new Error('--accept and --compare need --quick: ratios of the quick form are kept')
const unknown = positionals.filter((name) => benches.every((bench) => bench.name !== name))
if (unknown.length > 0) {
  throw new Error(`no bench ${unknown.join(', ')}: there are ${benches.map(({ name }) => name).join(', ')}`)
}
const chosen = benches.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
const options = [...(quick ? ['--quick'] : []), ...(write ? ['--write'] : [])]

async function run(bench: Bench): Promise<BenchRun> {
  const missing = (bench.programs ?? []).filter((program) => findBinary(program) === undefined)
  if (missing.length > 0) {
    return { name: bench.name, seconds: 0, report: '', targets: [], notRun: `${missing.join(', ')} not installed` }
  }
  console.error(`\n=== ${bench.name} ===`)
  const done = await runBench(bench, options)
  console.log(done.report)
  return done
}

const runs: BenchRun[] = []
const together = quick ? chosen.filter(({ isPatient }) => isPatient) : []
for (const bench of chosen) if (!together.includes(bench)) runs.push(await run(bench))
runs.push(...(await Promise.all(together.map(run))))

/** What became worse in two runs: one alone is often the machine. */
async function worseTwice(): Promise<string[]> {
  const accepted = await readAcceptedRatios()
  const lines: string[] = []
  for (const first of runs) {
    const suspects = regressionsOf(first, accepted)
    const bench = chosen.find(({ name }) => name === first.name)
    if (suspects.length === 0 || bench === undefined) continue
    const again = regressionsOf(await run(bench), accepted)
    for (const { text, was, is } of again.filter((each) => suspects.some((suspect) => suspect.text === each.text))) {
      lines.push(`- WORSE TWICE: ${first.name}: ${text}: ${is.toFixed(2)}, accepted ${was.toFixed(2)}`)
    }
  }
  return lines
}

const lines = runs.flatMap((each) => [`${each.name}, ${each.seconds.toFixed(0)} s`, ...linesOf(each)])
const count = (mark: string): number => lines.filter((line) => line.startsWith(`- ${mark}`)).length
console.log(['# Targets', '', ...lines, '', `${count('✔')} met, ${count('✘')} missed`].join('\n'))
if (write && positionals.length === 0) await writeResult('README', resultsPage(runs))
if (accept) await acceptRatios(runs)
if (compare) console.log(['# Compared with the accepted ratios', '', ...(await worseTwice())].join('\n'))
const crashed = runs.filter(
  ({ exitCode, notRun, targets }) => notRun === undefined && exitCode !== 0 && targets.every(({ met }) => met),
)
process.exitCode = crashed.length > 0 || (!compare && count('✘') > 0) ? 1 : 0
