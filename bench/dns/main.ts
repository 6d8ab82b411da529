/**
 * How fast changes of DNS records are followed, and what that costs: `pnpm bench:dns`. It runs the built packages, as users
 * get them, so `pnpm build` comes first. `--seconds` takes longer or shorter for each measurement, `--quick` is
 * short; `--write` writes `bench/results/dns.md`. Ends with 1 when a target is missed.
 */
import { parseArgs } from 'node:util'
import { writeResult } from '../result-file.ts'
import { judge } from '../target.ts'
import { measureChanges } from './changes.ts'
import { measureLookups } from './lookups.ts'
import { NameServerProcess } from './name-server-process.ts'
import { measureRefreshes, type RefreshCost } from './refreshes.ts'
import { report, targets } from './report.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const seconds = Number(values.seconds ?? (values.quick ? 4 : 60))
const server = await NameServerProcess.start()

console.error('changing records')
const setups = (values.quick ? [1, 2] : [1, 2, 5]).flatMap((ttlSeconds) =>
  [false, true].map((cached) => ({ ttlSeconds, cached })),
)
// All at once: none of them does anything but wait.
const changes = await Promise.all(setups.map((setup) => measureChanges(server, setup, seconds)))

const refreshes: RefreshCost[] = []
for (const ttlSeconds of values.quick ? [1, 5] : [1, 5, 30]) {
  for (const cached of [false, true]) {
    console.error(`following 1000 services, ${ttlSeconds} s, ${cached ? 'cached' : 'asked itself'}`)
    refreshes.push(await measureRefreshes(server, { services: 1_000, instances: 10, ttlSeconds, cached }, seconds))
  }
}

console.error('lookups')
const lookups = await measureLookups(server, values.quick ? 3 : 11)
server.stop()

const found = { changes, refreshes, lookups }
const text = report(found)
console.log(text)
if (values.write) await writeResult('dns', text)
judge(targets(found))
