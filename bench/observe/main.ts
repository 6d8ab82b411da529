/**
 * What it costs that a load balancer is observed, in CPU time for each request of `fetch`, and in time and memory for each call:
 * `pnpm bench:observe`. It runs the built packages, so `pnpm build` comes first. `--rounds` and `--seconds` take longer or shorter, `--quick` is short; `--write` writes
 * `bench/results/observe.md`. Ends with 1 when a target is missed.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { startBackends } from '../backends.ts'
import { writeResult } from '../result-file.ts'
import { judge } from '../target.ts'
import { measureCallCosts } from './call-costs.ts'
import { contenders } from './contenders.ts'
import { type Figures, report, targets } from './report.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const rounds = Number(values.rounds ?? (values.quick ? 3 : 11))
const seconds = Number(values.seconds ?? (values.quick ? 1 : 3))

const program = fileURLToPath(new URL('contender.ts', import.meta.url))
const { addresses, nginxes } = await startBackends()
const figures: Figures = new Map(Object.keys(contenders).map((name) => [name, []]))
for (let round = 1; round <= rounds; round++) {
  console.error(`round ${round} of ${rounds}`)
  for (const [name, found] of figures) {
    const { stdout } = await promisify(execFile)(process.execPath, [program, name, String(seconds), ...addresses])
    found.push(Number(stdout))
  }
}
await Promise.all(nginxes.map((nginx) => nginx.stop()))
console.error('calls')
const text = report(figures, await measureCallCosts(rounds))
console.log(text)
if (values.write) await writeResult('observe', text)
judge(targets(figures))
