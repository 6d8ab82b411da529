import { describe, expect, it } from 'vitest'
import { NoAvailableInstanceError, type ServiceInstanceInit } from '../src/index.ts'
import { ObservedLoadBalancer } from './observed-load-balancer.ts'

/** Instances of one priority, `healthy` of `total` of them: `p0-0`, `p0-1`, … */
function level(priority: number, healthy: number, total: number): ServiceInstanceInit[] {
  return Array.from({ length: total }, (_, index) => ({
    id: `p${priority}-${index}`,
    host: `p${priority}-${index}`,
    port: 1,
    priority,
    healthy: index < healthy,
  }))
}

function levelCounts(observed: ObservedLoadBalancer, picks: number): number[] {
  const counts: number[] = []
  for (const [id, count] of Object.entries(observed.countPicks(picks))) {
    const priority = Number(id[1])
    counts[priority] = (counts[priority] ?? 0) + count
  }
  return counts
}

describe('panic', () => {
  it('ignores health below one half, and says so in inspect and events', async () => {
    const observed = await ObservedLoadBalancer.ready(level(0, 1, 3))
    expect(observed.countPicks(300)).toEqual({ 'p0-0': 100, 'p0-1': 100, 'p0-2': 100 })
    const panic = 'panic: 1 of 3 healthy, health is ignored'
    const snapshot = observed.lb.inspect('users')
    expect(snapshot.panic).toBe(panic)
    expect(snapshot.instances[1]).toMatchObject({
      state: 'unhealthy',
      candidate: true,
      reason: `the registry says it is unhealthy; picked all the same: ${panic}`,
    })
    expect(observed.eventsOf('panic-changed')).toEqual([{ type: 'panic-changed', service: 'users', reason: panic }])
  })

  it('is over as soon as enough are healthy, and tells that', async () => {
    const observed = await ObservedLoadBalancer.ready(level(0, 1, 3))
    observed.discovery.set('users', level(0, 2, 3))
    expect(observed.countPicks(100)).toEqual({ 'p0-0': 50, 'p0-1': 50 })
    expect(observed.lb.inspect('users')).not.toHaveProperty('panic')
    expect(observed.eventsOf('panic-changed').map(({ reason }) => reason)).toEqual([expect.any(String), undefined])
  })

  it('is not for one half, as with one of two that is ejected', async () => {
    const observed = await ObservedLoadBalancer.ready(level(0, 1, 2))
    expect(observed.countPicks(100)).toEqual({ 'p0-0': 100 })
  })

  it('never uses what is drained', async () => {
    const drained = level(0, 3, 3).map((each, index) => ({ ...(each as object), weight: index === 2 ? 0 : 1 }))
    const observed = await ObservedLoadBalancer.ready([
      ...(drained as ServiceInstanceInit[]),
      ...level(0, 0, 6).slice(3),
    ])
    expect(Object.keys(observed.countPicks(100))).not.toContain('p0-2')
  })

  it('refuses calls at once in the mode fail', async () => {
    const observed = await ObservedLoadBalancer.ready(level(0, 1, 3), { panic: { mode: 'fail' } })
    const call = observed.lb.execute('users', async () => 'never', { idempotent: true })
    await expect(call).rejects.toThrow(NoAvailableInstanceError)
    await expect(call).rejects.toThrow(
      'users: no available instance (3 known: 1 available, 2 unhealthy; panic: 1 of 3 healthy, none of them is used;',
    )
    expect(observed.lb.inspect('users').instances[0]).toMatchObject({
      state: 'available',
      candidate: false,
      reason: 'panic: 1 of 3 healthy, none of them is used',
    })
  })

  it('does not exist with panic: false: one that is healthy takes everything, and none is an error', async () => {
    const observed = await ObservedLoadBalancer.ready(level(0, 1, 10), { panic: false })
    expect(observed.countPicks(100)).toEqual({ 'p0-0': 100 })
    observed.discovery.set('users', level(0, 0, 10))
    expect(() => observed.lb.pick('users')).toThrow(/10 known: 10 unhealthy; list/)
  })

  it('begins at the threshold that is given', async () => {
    const observed = await ObservedLoadBalancer.ready(level(0, 1, 10), { panic: { threshold: 0.1 } })
    expect(observed.countPicks(100)).toEqual({ 'p0-0': 100 })
  })
})

describe('priorities', () => {
  // 1.4 × the share of healthy instances, the rest to the next level.
  it.each([
    ['all healthy', [10, 10], [100]],
    ['72 % healthy', [72, 100], [100]],
    ['50/50', [50, 50], [70, 30]],
    ['25/100', [25, 100], [35, 65]],
    ['71/71', [71, 71], [99, 1]],
  ])('take the traffic by their health, exactly, in every 100 picks: %s', async (name, healthy, expected) => {
    const totals = name === 'all healthy' ? 10 : 100
    const observed = await ObservedLoadBalancer.ready(
      healthy.flatMap((each, priority) => level(priority, each, totals)),
    )
    for (let round = 0; round < 5; round++) expect(levelCounts(observed, 100)).toEqual(expected)
    expect(observed.lb.inspect('users').panic).toBeUndefined()
  })

  it('spread what they get over their healthy instances alone', async () => {
    const observed = await ObservedLoadBalancer.ready([...level(0, 2, 4), ...level(1, 1, 2)])
    expect(observed.countPicks(100)).toEqual({ 'p0-0': 35, 'p0-1': 35, 'p1-0': 30 })
  })

  it('panic each on its own', async () => {
    // 46 % and 46 %: scaled to one half each; both panic, below one half.
    const both = await ObservedLoadBalancer.ready([...level(0, 1, 3), ...level(1, 1, 3)])
    expect(levelCounts(both, 60)).toEqual([30, 30])
    expect(Object.keys(both.countPicks(60))).toHaveLength(6)
    // 28 % and 70 %: only the first panics.
    const first = await ObservedLoadBalancer.ready([...level(0, 1, 5), ...level(1, 5, 10)])
    expect(levelCounts(first, 98 * 10)).toEqual([280, 700])
    const used = Object.keys(first.countPicks(980))
    expect(used.filter((id) => id.startsWith('p0'))).toHaveLength(5)
    expect(used.filter((id) => id.startsWith('p1'))).toHaveLength(5)
  })

  it('leave a level that panics to the others in the mode fail', async () => {
    const observed = await ObservedLoadBalancer.ready([...level(0, 1, 5), ...level(1, 5, 10)], {
      panic: { mode: 'fail' },
    })
    expect(levelCounts(observed, 100)[0]).toBeUndefined()
    expect(levelCounts(observed, 100)[1]).toBe(100)
  })

  it('are on standby while others take everything, and say so', async () => {
    const observed = await ObservedLoadBalancer.ready([...level(0, 2, 2), ...level(1, 2, 2)])
    expect(observed.lb.inspect('users').instances[2]).toMatchObject({
      state: 'standby',
      candidate: false,
      reason: 'a lower priority number is in use',
    })
  })

  it('give a retry instances that were not tried, of whatever level', async () => {
    const observed = await ObservedLoadBalancer.ready([...level(0, 2, 4), ...level(1, 2, 4)], {
      retry: { maxRetries: 3 },
    })
    const tried: string[] = []
    const call = observed.lb.execute('users', async ({ id }) => {
      tried.push(id)
      throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
    })
    await observed.settle(call).catch(() => {})
    expect(new Set(tried).size).toBe(4)
  })
})
