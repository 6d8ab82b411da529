/**
 * HTTP clients side by side in one run: `pnpm bench:client`. It runs the built packages, as users get them, so `pnpm build`
 * comes first; nginx must be installed. `--seconds` and `--rounds` take longer or shorter, `--quick` is short; `--write`
 * writes `bench/results/client.md`. Ends with 1 when a target is missed.
 */
import { parseArgs } from 'node:util'
import { startBackends } from '../backends.ts'
import { writeResult } from '../result-file.ts'
import { judge } from '../target.ts'
import { ContenderProcess } from './contender-process.ts'
import {
  axiosTurn,
  balancedPool,
  balancedPoolRetry,
  contenders,
  gotTurn,
  lbAxios,
  lbUndici,
  undiciPools,
} from './contenders.ts'
import type { LoadResult } from './load.ts'
import { measureOutage } from './outage.ts'
import { type ClientResult, report, targets } from './report.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const seconds = Number(values.seconds ?? 0.5)
const rounds = Number(values.rounds ?? (values.quick ? 3 : 21))
const inFlight = 48
const names = Object.keys(contenders)
const outageNames = [undiciPools, balancedPool, balancedPoolRetry, lbUndici, axiosTurn, lbAxios, gotTurn]

/** Interleaved, beginning with another one each round, so that what disturbs the machine disturbs everybody. */
async function compare(): Promise<ClientResult[]> {
  const { addresses, nginxes } = await startBackends()
  const clients: ContenderProcess[] = []
  for (const name of names) clients.push(await ContenderProcess.start(name, addresses))
  const found = new Map<string, LoadResult[]>(names.map((name) => [name, []]))
  // Until the compiler has seen everything.
  for (const client of clients) await client.load({ path: '/small', inFlight, seconds: values.quick ? 1 : 4 })
  for (let round = 0; round < rounds; round++) {
    console.error(`round ${round + 1} of ${rounds}`)
    for (let turn = 0; turn < clients.length; turn++) {
      const client = clients[(round + turn) % clients.length] as ContenderProcess
      // While the others ran, the engine threw away part of what it had compiled, and connections were closed.
      await client.load({ path: '/small', inFlight, seconds: seconds / 2 })
      found.get(client.name)?.push(await client.load({ path: '/small', inFlight, seconds }))
    }
  }
  for (const each of clients) await each.close()
  for (const nginx of nginxes) await nginx.stop()
  return Array.from(found, ([name, results]) => ({ name, rounds: results }))
}

const clients = await compare()
console.error('outage')
const times = values.quick
  ? { beforeMs: 500, downMs: 1_500, afterMs: 1_500 }
  : { beforeMs: 2_000, downMs: 3_000, afterMs: 5_000 }
const outages = await measureOutage(outageNames, times)
const found = { clients, outages, seconds, inFlight }
const text = report(found)
console.log(text)
if (values.write) await writeResult('client', text)
judge(targets(found))
