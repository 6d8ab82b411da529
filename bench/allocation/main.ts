/**
 * What a call allocates, ours beside its peer: `pnpm bench:allocation`. It runs the built packages, so `pnpm build` comes first; nginx must
 * be installed. `--rounds` takes more processes, `--quick` one for each contender; `--write` writes `bench/results/allocation.md`.
 * Ends with 1 when a target is missed.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { startBackends } from '../backends.ts'
import { writeResult } from '../result-file.ts'
import { judge } from '../target.ts'
import type { CallAllocation } from './contender.ts'
import { names } from './contenders.ts'
import { type Figures, report, targets } from './report.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const rounds = Number(values.rounds ?? (values.quick ? 1 : 3))

const program = fileURLToPath(new URL('contender.ts', import.meta.url))
// A young generation that no round fills, in MiB.
const young = '128'
const nodeOptions = [
  '--expose-gc',
  `--min-semi-space-size=${young}`,
  `--max-semi-space-size=${young}`,
  `--import=${new URL('../one-undici.ts', import.meta.url).href}`,
]

const { addresses, nginxes } = await startBackends()
const figures: Figures = new Map(names.map((name) => [name, []]))
for (let round = 1; round <= rounds; round++) {
  console.error(`round ${round} of ${rounds}`)
  for (const [name, found] of figures) {
    const { stdout } = await promisify(execFile)(process.execPath, [...nodeOptions, program, name, ...addresses])
    const allocation: CallAllocation = JSON.parse(stdout)
    found.push(allocation)
  }
}
await Promise.all(nginxes.map((nginx) => nginx.stop()))
const text = report(figures)
console.log(text)
if (values.write) await writeResult('allocation', text)
judge(targets(figures))
