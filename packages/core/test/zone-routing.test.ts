import { describe, expect, it } from 'vitest'
import type { PickResult, ServiceInstanceInit } from '../src/index.ts'
import { ObservedLoadBalancer } from './observed-load-balancer.ts'

function zone(name: string, count: number, fields: object = {}): ServiceInstanceInit[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `${name}${index}`,
    host: `${name}${index}`,
    port: 1,
    zone: name,
    ...fields,
  }))
}

async function service(
  instances: readonly ServiceInstanceInit[],
  options: ConstructorParameters<typeof ObservedLoadBalancer>[1],
): Promise<ObservedLoadBalancer> {
  const observed = new ObservedLoadBalancer(instances, options)
  await observed.lb.ready('users')
  return observed
}

function zoneCounts({ lb }: ObservedLoadBalancer, picks: number): Record<string, number> {
  const counts: Record<string, number> = {}
  for (let pick = 0; pick < picks; pick++) {
    const { zone: name = 'none' } = lb.pick('users')
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

describe('a zone', () => {
  it('gets exactly what it can take: clients 40/40/20, instances 25/50/25, so 62.5 % stay', async () => {
    const clients = { a: 40, b: 40, c: 20 }
    const list = [...zone('a', 2), ...zone('b', 4), ...zone('c', 2)]
    const observed = await service(list, { zone: { local: 'a', clients } })
    for (let round = 0; round < 5; round++) expect(zoneCounts(observed, 80)).toEqual({ a: 50, b: 20, c: 10 })
  })

  it('is preferred while client shares are unknown', async () => {
    const observed = await service([...zone('a', 3), ...zone('b', 3)], { zone: 'a' })
    expect(zoneCounts(observed, 100)).toEqual({ a: 100 })
  })

  it('spills under load as far as that evens out, and not for one request each', async () => {
    const observed = await service([...zone('a', 3), ...zone('b', 3)], { zone: 'a' })
    const held: PickResult[] = []
    const hold = async (count: number): Promise<string> => {
      let zones = ''
      for (let each = 0; each < count; each++) {
        const picked = await observed.lb.acquire('users')
        held.push(picked)
        zones += picked.instance.zone
      }
      return zones
    }
    // Three, then a fourth to be above one each; then the others, until the mean there is ÷ 1.5 of the local one.
    expect(await hold(4)).toBe('aaaa')
    expect(await hold(3)).toBe('bbb')
    await hold(93)
    const local = held.filter(({ instance }) => instance.zone === 'a').length
    // 1.5 : 1 of 100, and one request off at most.
    expect(Math.abs(local - 60)).toBeLessThanOrEqual(1)
    for (const picked of held) picked.done({ ok: true, latencyMs: 1 })
    expect(await hold(3)).toBe('aaa')
  })

  it('gives a retry to another zone when all local instances were tried', async () => {
    const list = [...zone('a', 2), ...zone('b', 4)]
    const observed = await service(list, { zone: { local: 'a', minInstances: 1 }, retry: { maxRetries: 2 } })
    const tried: string[] = []
    const call = observed.lb.execute('users', async ({ id }) => {
      tried.push(id[0] ?? '')
      throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
    })
    await observed.settle(call).catch(() => {})
    expect(tried).toEqual(['a', 'a', 'b'])
  })
})

describe('zone routing', () => {
  it.each([
    ['few instances', [...zone('a', 2), ...zone('b', 2)], '4 usable instances, fewer than 6'],
    ['nobody local', zone('b', 6), 'no usable instance in zone a'],
    ['nobody elsewhere', zone('a', 6), 'no usable instance in another zone than a'],
    [
      'sick local instances',
      [
        ...zone('a', 4, { healthy: false }),
        ...zone('a', 4).map((each) => ({ ...(each as object), id: `x${(each as { id: string }).id}` })),
        ...zone('b', 6),
      ],
      '4 of 8 instances in zone a are usable, less than 70 %',
    ],
  ])('is inactive with %s: zones are ignored, and inspect and an event say why', async (_, list, reason) => {
    const observed = await service(list as ServiceInstanceInit[], { zone: 'a' })
    const usable = (list as { healthy?: boolean }[]).filter(({ healthy }) => healthy !== false).length
    const ids = new Set(Array.from({ length: 100 }, () => observed.lb.pick('users').id))
    expect(ids.size).toBe(usable)
    expect(observed.lb.inspect('users').zone).toEqual({ local: 'a', active: false, reason })
    expect(observed.eventsOf('zone-routing-changed')).toEqual([
      { type: 'zone-routing-changed', service: 'users', active: false, reason },
    ])
  })

  it('tells when it becomes active and inactive, and not at every update', async () => {
    const observed = await service([...zone('a', 3), ...zone('b', 3)], { zone: 'a' })
    observed.discovery.set('users', [...zone('a', 4), ...zone('b', 3)])
    observed.discovery.set('users', [...zone('a', 1), ...zone('b', 3)])
    observed.discovery.set('users', [...zone('a', 1), ...zone('b', 2)])
    observed.discovery.set('users', [...zone('a', 3), ...zone('b', 3)])
    expect(observed.eventsOf('zone-routing-changed').map(({ active }) => active)).toEqual([true, false, true])
    expect(observed.lb.inspect('users').zone).toMatchObject({ local: 'a', active: true })
  })

  it('is not spoken of when it is not configured', async () => {
    const observed = await service([...zone('a', 3), ...zone('b', 3)], {})
    expect(observed.lb.inspect('users')).not.toHaveProperty('zone')
    expect(observed.eventsOf('zone-routing-changed')).toEqual([])
    expect(zoneCounts(observed, 60)).toEqual({ a: 30, b: 30 })
  })
})
