/**
 * What 10 000 services of 10 instances each cost one load balancer: `pnpm bench:services`. It runs the built package, as users
 * get it, so `pnpm build` comes first. `--seconds` takes longer or shorter, `--quick` is short; `--write` writes
 * `bench/results/services.md`. Ends with 1 when a target is missed.
 */
import { parseArgs } from 'node:util'
import { writeResult } from '../result-file.ts'
import { judge } from '../target.ts'
import { report, targets } from './report.ts'
import { cpuPercent, measureServices, type ServicesCost, setups } from './setups.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
// Longer than the time between two refreshes, so that each service is asked for.
const seconds = Number(values.seconds ?? (values.quick ? 3 : 60))

const floorPercent = await cpuPercent(Math.min(seconds, 10))
const costs: ServicesCost[] = []
for (const setup of Object.keys(setups)) {
  console.error(setup)
  costs.push(await measureServices(setup, { services: 10_000, instances: 10 }, seconds))
}
const found = { costs, floorPercent, seconds }
const text = report(found)
console.log(text)
if (values.write) await writeResult('services', text)
judge(targets(found))
