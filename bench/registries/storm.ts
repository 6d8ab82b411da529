import { setTimeout as delay } from 'node:timers/promises'
import type { CountedRequest, CountingProxyQuestions } from './counting-proxy.ts'
import type { Plan } from './plan.ts'
import { Program } from './program.ts'
import type { Registry } from './registry.ts'
import type { StormClientsQuestions } from './storm-clients.ts'

export const bucketMs = 100

export interface Storm {
  readonly jitter: boolean
  /** How many clients noticed that the registry was gone. */
  readonly noticed: number
  /** How many of those had a list again at the end. */
  readonly back: number
  /** From the moment the registry was ready to the moment when each of them had. */
  readonly recoveriesMs: readonly number[]
  /** Requests in each 100 ms from the kill on, whether or not the registry was there. */
  readonly buckets: readonly number[]
  /** In that many milliseconds after the kill the registry answered again. */
  readonly readyAfterMs: number
  /** Those it got while it was not there. */
  readonly refused: number
  readonly reached: number
  /** Most that reached the registry in 100 ms, and in a second. */
  readonly peakPerBucket: number
  readonly peakPerSecond: number
  /** The most that connected again in 100 ms. */
  readonly connectionPeak: number
}

const service = 'storm'

/** Kills a registry with many clients, and starts it again. */
export async function measureStorm(registry: Registry, plan: Plan, jitter: boolean): Promise<Storm> {
  const proxy = new Program<CountingProxyQuestions>('counting-proxy.ts')
  const clients = new Program<StormClientsQuestions>('storm-clients.ts')
  const access = await proxy.ask('before', registry.access)
  await registry.add(service, 8080)
  await clients.ask('start', { access, service, clients: plan.clients, jitter })
  await delay(plan.calmMs)
  const killedMs = nowMs()
  await registry.kill()
  await delay(plan.outageMs)
  await registry.restart()
  const readyMs = nowMs()
  const recoveries = await allBack(clients, readyMs + plan.recoveryMs)
  // What comes after it belongs to the storm too.
  await delay(1_000)
  const requests = await proxy.ask('requests', killedMs)
  await clients.stop()
  await proxy.stop()
  await registry.remove(service, 8080)
  const known = recoveries.filter((atMs) => atMs !== null)
  return {
    jitter,
    noticed: recoveries.length,
    back: known.length,
    recoveriesMs: known.map((atMs) => Math.max(0, atMs - readyMs)),
    readyAfterMs: readyMs - killedMs,
    ...loadOf(requests, killedMs),
  }
}

async function allBack(clients: Program<StormClientsQuestions>, endMs: number): Promise<readonly (number | null)[]> {
  for (;;) {
    await delay(bucketMs)
    const recoveries = await clients.ask('recoveries', null)
    if (nowMs() > endMs || recoveries.every((atMs) => atMs !== null)) return recoveries
  }
}

function loadOf(
  requests: readonly CountedRequest[],
  killedMs: number,
): Pick<Storm, 'buckets' | 'refused' | 'reached' | 'peakPerBucket' | 'peakPerSecond' | 'connectionPeak'> {
  const accepted = requests.filter((request) => request.reached)
  const reached = accepted.map(({ atMs }) => atMs)
  const connected = accepted.filter(({ isFirst }) => isFirst).map(({ atMs }) => atMs)
  const buckets: number[] = []
  for (const { atMs } of requests) {
    const bucket = Math.floor((atMs - killedMs) / bucketMs)
    buckets[bucket] = (buckets[bucket] ?? 0) + 1
  }
  return {
    buckets: Array.from(buckets, (count) => count ?? 0),
    refused: requests.length - reached.length,
    reached: reached.length,
    peakPerBucket: mostWithin(reached, bucketMs),
    peakPerSecond: mostWithin(reached, 1_000),
    connectionPeak: mostWithin(connected, bucketMs),
  }
}

/** The most of the moments, which are in order, that lie within so many milliseconds. */
function mostWithin(moments: readonly number[], windowMs: number): number {
  let first = 0
  let most = 0
  for (const [last, atMs] of moments.entries()) {
    while (atMs - (moments[first] ?? atMs) >= windowMs) first++
    most = Math.max(most, last - first + 1)
  }
  return most
}

function nowMs(): number {
  return performance.timeOrigin + performance.now()
}
