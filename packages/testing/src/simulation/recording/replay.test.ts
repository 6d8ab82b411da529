import { type BalancerName, LoadBalancer, recordTraffic, StaticDiscovery } from '@lb/core'
import { describe, expect, it } from 'vitest'
import { exponential } from '../latency-profile.ts'
import { percentilesOf } from '../percentiles.ts'
import { randomTree } from '../random-tree.ts'
import { SimulatedInstance } from '../simulated-instance.ts'
import { simulate } from '../simulation.ts'
import { SimulationClock } from '../simulation-clock.ts'
import type { SimulationOptions } from '../simulation-options.ts'
import { readRecording } from './read-recording.ts'

const concurrency = 4
const seconds = 60

/** A client with 150 calls a second, and five instances, of which one takes five times as long: what it saw, and what was recorded. */
async function recordedRun(balancer: BalancerName, seed: number): Promise<{ text: string; p99Ms: number }> {
  const stream = randomTree(seed)
  const clock = new SimulationClock(0)
  const loadBalancer = new LoadBalancer({
    discovery: new StaticDiscovery({ users: ['a:1', 'b:1', 'c:1', 'd:1', 'e:1'] }),
    balancer,
    outlierDetection: false,
    clock,
    random: stream('load balancer'),
  })
  const ready = loadBalancer.ready('users')
  await clock.runUntil(0)
  await ready
  const recording = recordTraffic(loadBalancer, { clock })
  const servers = new Map(
    loadBalancer.inspect('users').instances.map(({ instance }) => {
      const serviceTime = { kind: 'exponential', meanMs: instance.host === 'a' ? 100 : 20 } as const
      const behaviour = { serviceTime, concurrency, queueLimit: Number.POSITIVE_INFINITY }
      return [instance.id, new SimulatedInstance(instance, clock, stream(instance.id), behaviour)]
    }),
  )
  const latenciesMs: number[] = []
  const arrivals = stream('arrivals')
  const call = (): void => {
    const beganMs = clock.now()
    const attempt = ({ id }: { readonly id: string }): Promise<number> =>
      new Promise((resolve) => servers.get(id)?.handle(resolve))
    void loadBalancer
      .execute('users', attempt, { idempotent: true })
      .then(() => latenciesMs.push(clock.now() - beganMs))
    if (clock.now() < seconds * 1_000) clock.setTimeout(call, (1_000 / 150) * exponential(arrivals))
  }
  call()
  await clock.runUntil(seconds * 2_000)
  await loadBalancer.close()
  let text = ''
  for await (const chunk of recording) text += chunk
  return { text, p99Ms: percentilesOf(Float64Array.from(latenciesMs), [0.99])[0] ?? Number.NaN }
}

const balancers: readonly BalancerName[] = ['round-robin', 'least-request', 'peak-ewma']
const bare = (balancer: BalancerName): SimulationOptions['loadBalancer'] => ({ balancer, outlierDetection: false })

describe('a recording that is played', () => {
  it.each(balancers)('has the p99 that was recorded, within 10 %%, with %s again', async (balancer) => {
    const { text, p99Ms } = await recordedRun(balancer, 1)
    const recording = await readRecording(text)
    expect(recording.p99Ms).toBeCloseTo(p99Ms, 1)
    for (const seed of [1, 2]) {
      const report = await simulate({ recording, seed, loadBalancer: bare(balancer) })
      expect(report).toMatchObject({ calls: recording.calls, goodput: 1, leakedTimers: 0 })
      expect(report.p99Ms / p99Ms).toBeGreaterThan(0.9)
      expect(report.p99Ms / p99Ms).toBeLessThan(1.1)
    }
  })

  it('says what would have happened with another balancer', async () => {
    const recording = await readRecording((await recordedRun('round-robin', 1)).text)
    const [least, peak] = await Promise.all([recordedRun('least-request', 1), recordedRun('peak-ewma', 1)])
    const instance = { concurrency }
    const predicted = await Promise.all([
      simulate({ recording, instance, loadBalancer: bare('least-request') }),
      simulate({ recording, instance, loadBalancer: bare('peak-ewma') }),
    ])
    for (const [index, { p99Ms }] of [least, peak].entries()) {
      expect((predicted[index]?.p99Ms ?? 0) / p99Ms).toBeGreaterThan(0.85)
      expect((predicted[index]?.p99Ms ?? 0) / p99Ms).toBeLessThan(1.15)
      expect(p99Ms).toBeLessThan(0.8 * recording.p99Ms)
    }
  })

  it('is the same for the same seed, event for event', async () => {
    const recording = await readRecording((await recordedRun('round-robin', 2)).text)
    const options = { recording, seed: 3, loadBalancer: bare('peak-ewma') }
    const first = await simulate(options)
    expect(await simulate(options)).toEqual(first)
    expect((await simulate({ ...options, seed: 4 })).hash).not.toBe(first.hash)
  })
})
