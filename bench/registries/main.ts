/**
 * What following registries costs: `pnpm bench:registries`. It runs the built packages, as users get them, so `pnpm build` comes
 * first. `--seconds` is how long nothing changes, after which everything else is scaled; `--quick` takes less than a minute, all
 * registries at once, and is for trying it out; `--only consul` for one of them; `--write` writes `bench/results/registries.md`.
 */
import { parseArgs } from 'node:util'
import { findBinary } from 'test-servers'
import { writeResult } from '../result-file.ts'
import { type ChangeTimes, measureChanges } from './changes.ts'
import { consulKind } from './consul.ts'
import { etcdKind } from './etcd.ts'
import { kubernetesKind } from './kubernetes.ts'
import { nacosKind } from './nacos.ts'
import { fullPlan, quickPlan } from './plan.ts'
import type { Registry } from './registry.ts'
import { report } from './report.ts'
import { type ScaleCost, ScaledClients } from './scale.ts'
import { measureStorm, type Storm } from './storm.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '100' },
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
if (values.quick && values.write) throw new Error('figures of the quick form are not to be kept')
const plan = values.quick ? quickPlan() : fullPlan(Number(values.seconds))
const kinds = [consulKind, etcdKind, kubernetesKind, nacosKind].filter(
  ({ name }) => values.only === undefined || name.toLowerCase() === values.only,
)
if (kinds.length === 0) throw new Error(`--only: consul, etcd, kubernetes or nacos, not ${values.only}`)
const notRun = kinds.flatMap(({ name, programs }) => {
  const missing = programs.filter((program) => findBinary(program) === undefined)
  if (missing.length === 0) return []
  return [`NOT RUN: ${name}: ${missing.join(', ')} not installed; run scripts/install-test-servers.sh`]
})
for (const line of notRun) console.error(`\n${line}\n`)

/** For each registry in turn, unless all are measured together. */
async function forEach<T>(
  registries: readonly Registry[],
  what: string,
  measure: (registry: Registry) => Promise<T>,
): Promise<ReadonlyMap<Registry, T>> {
  const results = new Map<Registry, T>()
  const run = async (registry: Registry): Promise<void> => {
    console.error(`${what}: ${registry.name}`)
    results.set(registry, await measure(registry))
  }
  if (plan.together) await Promise.all(registries.map(run))
  else for (const registry of registries) await run(registry)
  return results
}

async function stormsOf(registry: Registry): Promise<Storm[]> {
  const storms = [await measureStorm(registry, plan, true)]
  if (plan.comparesJitter) storms.push(await measureStorm(registry, plan, false))
  return storms
}

const registries: Registry[] = []
try {
  const startable = kinds.filter(({ programs }) => programs.every((program) => findBinary(program) !== undefined))
  await Promise.all(startable.map(async (kind) => registries.push(await kind.start())))
  registries.sort((a, b) => a.name.localeCompare(b.name))
  const changes: ReadonlyMap<Registry, ChangeTimes> = await forEach(registries, 'changes', (registry) =>
    measureChanges(registry, plan),
  )
  // Before they are filled: what a registry reads at its start would be part of the outage.
  const storms = await forEach(registries, 'storm', stormsOf)
  const clients = await forEach(registries, 'many instances', (registry) => ScaledClients.start(registry, plan))
  console.error('all of them idle, then busy')
  const scales = new Map<Registry, ScaleCost>()
  // At once, whatever the plan: they do next to nothing.
  await Promise.all(Array.from(clients, async ([registry, scaled]) => scales.set(registry, await scaled.measure(plan))))
  await Promise.all(Array.from(clients.values(), (scaled) => scaled.stop()))
  const findings = registries.map((registry) => ({
    name: registry.name,
    changes: changes.get(registry) ?? [],
    scale: scales.get(registry),
    storms: storms.get(registry) ?? [],
  }))
  const text = report(findings, plan, notRun)
  console.log(text)
  if (values.write) await writeResult('registries', text)
} finally {
  await Promise.all(registries.map((registry) => registry.stop()))
}
