/**
 * What becomes of calls when things go wrong: `pnpm bench:simulation`, with real load balancers in virtual time (`simulate`
 * of @lb/testing). It runs the built packages, as users get them, so `pnpm build` comes first. `--scenario` and
 * `--balancer` pick one; `--quick` is a small
 * fleet; `--write` also runs the large fleet and writes `bench/results/simulation.md`.
 */
import { parseArgs } from 'node:util'
import { writeResult } from '../result-file.ts'
import { judge } from '../target.ts'
import { type QuietOptions, quietClients } from './quiet-clients.ts'
import { report, targets } from './report.ts'
import {
  balancerRuns,
  budgetRuns,
  defaultRuns,
  largeRuns,
  type Result,
  type Run,
  runAll,
  type Size,
  variationRuns,
} from './runs.ts'
import { seededScenarios } from './seeded-scenarios.ts'

const { values } = parseArgs({
  options: {
    scenario: { type: 'string' },
    balancer: { type: 'string' },
    clients: { type: 'string' },
    instances: { type: 'string' },
    seconds: { type: 'string' },
    rate: { type: 'string' },
    seed: { type: 'string' },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})

const { quick } = values
// A minute, so that what no client can know at its start is less than one call in a hundred.
const quietOptions: QuietOptions = { seeds: quick ? 1 : values.write ? 10 : 3, seconds: 60 }
const seeds = values.write ? 10 : 5
const size: Size = {
  clients: Number(values.clients ?? (quick ? 10 : 50)),
  instances: Number(values.instances ?? (quick ? 10 : 20)),
  seconds: Number(values.seconds ?? (quick ? 20 : 60)),
  // Few clients must call often for instances to be busy at usual service times; many need not.
  callsPerSecond: Number(values.rate ?? (Number(values.clients ?? (quick ? 10 : 50)) > 200 ? 5 : 40)),
  seed: Number(values.seed ?? 1),
}

const progress = ({ scenario, options, size: { clients, instances } }: Run): void => {
  console.error(`${scenario}, ${options}, ${clients} × ${instances}`)
}

if (values.scenario !== undefined || values.balancer !== undefined) {
  const runs = defaultRuns(size, values.scenario, values.balancer)
  console.log(report({ size, defaults: await runAll(runs, progress) }))
} else {
  const defaults = await runAll(defaultRuns(size), progress)
  const balancers = await runAll(balancerRuns(size), progress)
  const variations = await runAll(variationRuns(size), progress)
  const budgets = await runAll(budgetRuns(size.seed), progress)
  const large: Result[] = values.write ? await runAll(largeRuns(size.seed), progress) : []
  const print = (text: string): void => console.error(text)
  const quiet = { options: quietOptions, results: await quietClients(quietOptions, print) }
  const seeded = quick ? undefined : { seeds, results: await seededScenarios(seeds, print) }
  const findings = { size, defaults, balancers, variations, budgets, large, quiet, seeded }
  const text = report(findings)
  console.log(text)
  if (values.write) await writeResult('simulation', text)
  judge(targets(findings))
}
