/**
 * The tail of latencies with one slow instance: `pnpm bench:tail`, on real sockets and in virtual time. It runs the built
 * packages, as users get them, so `pnpm build` comes first. `--seconds` takes longer or shorter; `--write` writes
 * `bench/results/tail.md`.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import type { BalancerName } from '@lb/core'
import { realTail } from './real.ts'
import { meetsTarget, report, type TailTable } from './report.ts'
import { simulatedTail } from './simulated.ts'

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '10' }, write: { type: 'boolean', default: false } },
})
const seconds = Number(values.seconds)
const balancers: readonly BalancerName[] = ['round-robin', 'random', 'least-request', 'peak-ewma']

const tables: readonly TailTable[] = [
  { title: 'Real servers and sockets, one client', results: await realTail(balancers, seconds) },
  {
    title: 'Virtual time, one client',
    results: await simulatedTail(balancers, { clients: 1, seconds }),
  },
  {
    title: 'Virtual time, 20 clients that know nothing of each other',
    results: await simulatedTail(balancers, { clients: 20, seconds }),
  },
  {
    title: 'Virtual time, one client, and the slow instance keeps up: any number of requests at once',
    judged: false,
    results: await simulatedTail(balancers, { clients: 1, seconds, atOnce: 1_000_000 }),
  },
]
const text = report(tables, seconds)
console.log(text)
if (values.write) {
  const results = new URL('../results/', import.meta.url)
  await mkdir(results, { recursive: true })
  await writeFile(new URL('tail.md', results), text)
}
process.exitCode = tables.every((table) => table.judged === false || meetsTarget(table)) ? 0 : 1
