import { LoadBalancer, type Outcome, StaticDiscovery } from '@lb/core'
import type { Spread } from '../spread.ts'
import { spreadOf } from '../spread.ts'
import { instancesOf } from './contender.ts'

export interface AcquireCost {
  readonly name: string
  /** Nanoseconds per `acquire` and `done`, one after the other. */
  readonly spread: Spread
}

const service = 'user-service'
const instanceCount = 10
const calls = 50_000
const warmUpRounds = 6
const outcome: Outcome = { ok: true, latencyMs: 1 }

export const acquireFloor = 'floor: an async function, awaited'
export const acquireDefault = 'lb.acquire + done, default options'

/** `acquire` and `done` of a load balancer with a known list, and what awaiting anything costs. */
export async function measureAcquire(rounds: number): Promise<AcquireCost[]> {
  const lb = new LoadBalancer({ discovery: new StaticDiscovery({ [service]: instancesOf(instanceCount, 'equal') }) })
  const weighted = new LoadBalancer({
    discovery: new StaticDiscovery({ [service]: instancesOf(instanceCount, 'weighted') }),
  })
  const least = new LoadBalancer({
    discovery: new StaticDiscovery({ [service]: instancesOf(instanceCount, 'equal') }),
    balancer: 'least-request',
  })
  await Promise.all([lb, weighted, least].map((each) => each.ready(service)))
  const lanes = [
    { name: acquireFloor, run: awaitNothing, times: [] as number[] },
    { name: acquireDefault, run: () => acquireInTurn(lb), times: [] as number[] },
    { name: 'lb.acquire + done, smooth weighted', run: () => acquireInTurn(weighted), times: [] as number[] },
    { name: 'lb.acquire + done, least request', run: () => acquireInTurn(least), times: [] as number[] },
  ]
  for (let round = -warmUpRounds; round < rounds; round++) {
    for (const { run, times } of lanes) {
      const start = process.hrtime.bigint()
      await run()
      if (round >= 0) times.push(Number(process.hrtime.bigint() - start) / calls)
    }
  }
  await Promise.all([lb, weighted, least].map((each) => each.close()))
  return lanes.map(({ name, times }) => ({ name, spread: spreadOf(times) }))
}

async function acquireInTurn(lb: LoadBalancer): Promise<void> {
  for (let call = 0; call < calls; call++) (await lb.acquire(service)).done(outcome)
}

async function awaitNothing(): Promise<void> {
  for (let call = 0; call < calls; call++) await nothing(call)
}

async function nothing(call: number): Promise<{ call: number }> {
  return { call }
}
