/**
 * The tail of latencies with one slow instance: `pnpm bench:tail`, on real sockets and in virtual time. It runs the built
 * packages, as users get them, so `pnpm build` comes first. `--seconds` takes longer or shorter, `--quick` is short; `--write` writes
 * `bench/results/tail.md`. Ends with 1 when a target is missed.
 */
import { parseArgs } from 'node:util'
import type { BalancerName } from '@lb/core'
import { writeResult } from '../result-file.ts'
import { type QuietOptions, quietClients, quietTargets } from '../simulation/quiet-clients.ts'
import { judge } from '../target.ts'
import { realTail } from './real.ts'
import { report, type TailTable, targets } from './report.ts'
import { simulatedTail } from './simulated.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const seconds = Number(values.seconds ?? (values.quick ? 1 : 10))
const balancers: readonly BalancerName[] = ['round-robin', 'random', 'least-request', 'peak-ewma']
/** The real servers answer no load probes; the simulated ones do. */
const simulated: readonly BalancerName[] = [...balancers, 'probing']

const tables: readonly TailTable[] = [
  { title: 'Real servers and sockets, one client', results: await realTail(balancers, seconds) },
  {
    title: 'Virtual time, one client',
    results: await simulatedTail(simulated, { clients: 1, seconds }),
  },
  {
    title: 'Virtual time, 20 clients that know nothing of each other',
    results: await simulatedTail(simulated, { clients: 20, seconds }),
  },
  {
    title: 'Virtual time, one client, and the slow instance keeps up: any number of requests at once',
    judged: false,
    results: await simulatedTail(simulated, { clients: 1, seconds, atOnce: 1_000_000 }),
  },
]
const quietOptions: QuietOptions = { seeds: values.write ? 5 : 1, seconds: 60, fleets: values.quick ? 1 : 3 }
const quiet = { options: quietOptions, results: await quietClients(quietOptions, (line) => console.error(line)) }
const text = report(tables, seconds, quiet)
console.log(text)
if (values.write) await writeResult('tail', text)
judge([...targets(tables), ...quietTargets(quiet.results)])
