import { seededRandom } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import type { BalancerName, LoadBalancerOptions, ServiceInstanceInit } from '../src/index.ts'
import { ObservedLoadBalancer, refused } from './observed-load-balancer.ts'
import { fiveDeviations } from './tolerance.ts'

const windowMs = 100_000
const old = ['a:1', 'b:1', 'c:1']
const all = [...old, 'new:1']

const balancers: readonly BalancerName[] = [
  'round-robin',
  'smooth-weighted-round-robin',
  'grouped',
  'random',
  'least-request',
  'peak-ewma',
  'ring-hash',
  'maglev',
]

async function service(
  instances: readonly ServiceInstanceInit[],
  options: Partial<LoadBalancerOptions> = {},
): Promise<ObservedLoadBalancer> {
  const observed = new ObservedLoadBalancer(instances, {
    slowStart: { windowMs },
    outlierDetection: { jitter: 0 },
    random: seededRandom(11),
    ...options,
  })
  await observed.lb.ready('users')
  return observed
}

/** Requests that take no time, each with a key of its own. */
async function counts(observed: ObservedLoadBalancer, requests: number): Promise<Record<string, number>> {
  const counted: Record<string, number> = {}
  for (let request = 0; request < requests; request++) {
    const picked = await observed.lb.acquire('users', { hashKey: `key-${request}` })
    picked.done({ ok: true, latencyMs: 1 })
    const { id } = picked.instance
    counted[id] = (counted[id] ?? 0) + 1
  }
  return counted
}

function warmthOf(observed: ObservedLoadBalancer, id: string): number | undefined {
  return observed.lb.inspect('users').instances.find(({ instance }) => instance.id === id)?.effectiveWeight
}

describe.each(balancers)('with the balancer %s, a newcomer', (balancer) => {
  it('takes 10 %, 50 %, then all of its share, and nobody starves', async () => {
    const requests = 4_000
    const observed = await service(old, { balancer })
    observed.discovery.set('users', all)
    const taken: number[] = []
    for (const warmth of [0.1, 0.5, 1]) {
      const before = warmth === 0.1 ? 0.1 : warmth === 0.5 ? 0.4 : 0.5
      await observed.clock.advance(before * windowMs)
      const counted = await counts(observed, requests)
      for (const id of all) expect(counted[id], id).toBeGreaterThan(0)
      taken.push(counted['new:1'] ?? 0)
    }
    const [tenth = 0, half = 0, full = 0] = taken
    // Its own full share is what the balancer gives it when it is warm: a quarter, give or take what chance and a ring
    // of 1 024 points (10 % of the share) do. Each pick of it counts with the probability of its warmth.
    expect(Math.abs(full - requests / 4)).toBeLessThan(fiveDeviations(requests, 0.25) + 0.15 * (requests / 4))
    for (const [count, warmth] of [
      [tenth, 0.1],
      [half, 0.5],
    ] as const) {
      const share = (full / requests) * warmth
      // Both counts vary: of the requests, and of the full share that it is measured against.
      const tolerance = fiveDeviations(requests, share) + warmth * fiveDeviations(requests, 0.25)
      expect(Math.abs(count - requests * share)).toBeLessThan(tolerance + 1)
    }
  })
})

describe('slow start', () => {
  it('does not happen for the first list: all are new at once', async () => {
    const observed = await service(all)
    expect(await counts(observed, 400)).toEqual(Object.fromEntries(all.map((id) => [id, 100])))
    expect(warmthOf(observed, 'a:1')).toBe(1)
  })

  it('does not slow anybody down when all are replaced at once', async () => {
    const observed = await service(old)
    observed.discovery.set('users', ['x:1', 'y:1'])
    expect(await counts(observed, 400)).toEqual({ 'x:1': 200, 'y:1': 200 })
    expect(warmthOf(observed, 'x:1')).toBe(0.1)
  })

  it('shows in the effective weight', async () => {
    const observed = await service(old)
    observed.discovery.set('users', [...old, { host: 'new', port: 1, weight: 4 }])
    expect(warmthOf(observed, 'new:1')).toBeCloseTo(0.4, 9)
    await observed.clock.advance(windowMs / 2)
    expect(warmthOf(observed, 'new:1')).toBe(2)
    await observed.clock.advance(windowMs / 2)
    expect(warmthOf(observed, 'new:1')).toBe(4)
  })

  it('begins again after an ejection', async () => {
    const observed = await service(old)
    let failing = true
    const call = (): Promise<unknown> =>
      observed.lb
        .execute(
          'users',
          async ({ id }) => {
            if (failing && id === 'a:1') throw refused
          },
          { idempotent: true, retry: { maxRetries: 1, backoffBaseMs: 0 } },
        )
        .catch(() => {})
    for (let each = 0; each < 30; each++) await observed.settle(call(), 1)
    expect(observed.states['a:1']).toBe('ejected')
    failing = false
    await observed.clock.advance(30_000)
    await call()
    expect(observed.states['a:1']).toBe('available')
    expect(warmthOf(observed, 'a:1')).toBeCloseTo(0.1, 9)
    const counted = await counts(observed, 3_000)
    // A weight of 0.1 beside two of 1; the first request always counts.
    const share = 0.1 / 2.1
    expect(Math.abs((counted['a:1'] ?? 0) - 3_000 * share)).toBeLessThan(fiveDeviations(3_000, share) + 1)
  })

  it('begins again when the registry calls an instance healthy again', async () => {
    const sick = { host: 'a', port: 1, healthy: false }
    const observed = await service([sick, 'b:1', 'c:1'])
    observed.discovery.set('users', [{ ...sick, healthy: true }, 'b:1', 'c:1'])
    expect(warmthOf(observed, 'a:1')).toBeCloseTo(0.1, 9)
    expect(warmthOf(observed, 'b:1')).toBe(1)
  })

  it('begins again when checks pass that failed, and not with the first check at the start', async () => {
    const sick = new Set<string>()
    const healthCheck = {
      probe: ({ id }: { id: string }) => !sick.has(id),
      intervalMs: 1_000,
      jitter: 0,
      initialJitterMs: 500,
      idleIntervalMs: 1_000,
    }
    const observed = await service(old, { healthCheck })
    for (let passed = 0; passed < 600; passed += 20) {
      await observed.clock.advance(20)
      // An instance whose first check passed before that of the others must not get less for it.
      for (const id of old) expect(warmthOf(observed, id)).toBe(1)
    }
    sick.add('a:1')
    await observed.clock.advance(4_000)
    expect(observed.states['a:1']).toBe('unhealthy')
    sick.clear()
    await observed.clock.advance(2_000)
    expect(observed.states['a:1']).toBe('available')
    expect(warmthOf(observed, 'a:1')).toBeCloseTo(0.1, 9)
    observed.discovery.set('users', all)
    expect(warmthOf(observed, 'new:1')).toBeCloseTo(0.1, 9)
  })

  it('leaves a newcomer alone that nobody else can stand in for', async () => {
    const observed = await service(['a:1'])
    observed.discovery.set('users', ['new:1'])
    expect(await counts(observed, 100)).toEqual({ 'new:1': 100 })
  })
})
