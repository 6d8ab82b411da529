import { FakeClock, FakeWatchDiscovery, settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { LoadBalancer, type LoadBalancerEvent, type LoadBalancerOptions, type ServiceInstance } from '../src/index.ts'
import { refused } from './observed-load-balancer.ts'

interface Seen {
  readonly clock: FakeClock
  readonly discovery: FakeWatchDiscovery
  readonly lb: LoadBalancer
  /** At each event: its type, and which instances are picked then. */
  readonly seen: [string, string][]
}

function seeing(list: readonly string[], options: Partial<LoadBalancerOptions> = {}): Seen {
  const clock = new FakeClock()
  const discovery = new FakeWatchDiscovery(list)
  const lb = new LoadBalancer({ discovery, clock, random: () => 0, ...options })
  const seen: [string, string][] = []
  lb.subscribe(({ type }) => {
    const picked = new Set<string>()
    try {
      for (let pick = 0; pick < 6; pick++) picked.add(lb.pick('users').id)
    } catch (error) {
      picked.add(String((error as { code: string }).code))
    }
    seen.push([type, [...picked].sort().join()])
  })
  return { clock, discovery, lb, seen }
}

describe('a listener that picks finds the state that its event speaks of', () => {
  it('when the first list is there', async () => {
    const { lb, seen } = seeing(['a:1', 'b:1'], { zone: { local: 'x' } })
    await lb.ready('users')
    expect(new Set(seen.map(([, picked]) => picked))).toEqual(new Set(['a:1,b:1']))
    await lb.close()
  })

  it('when a list ends an ejection and removes the others', async () => {
    const { discovery, lb, seen } = seeing(['a:1', 'b:1', 'c:1'], { outlierDetection: { consecutiveConnectErrors: 1 } })
    const { instance, done } = await lb.acquire('users')
    done({ ok: false, latencyMs: 1, error: refused })
    seen.length = 0
    discovery.push([instance.id])
    expect(seen).toEqual([
      ['instance-returned', instance.id],
      ['instances-changed', instance.id],
    ])
    await lb.close()
  })

  it('when an instance is kept, and when the list comes back after it expired', async () => {
    const healthCheck = { probe: () => true, healthyThreshold: 1, keepRemovedMs: 60_000, initialJitterMs: 0 }
    const { clock, discovery, lb, seen } = seeing(['a:1', 'b:1'], { healthCheck, maxStaleMs: 1_000 })
    await lb.ready('users')
    await clock.advance(100)
    discovery.push(['b:1', 'c:1'])
    await clock.advance(100)
    seen.length = 0
    discovery.fail(new Error('down'))
    await clock.advance(1_000)
    discovery.push(['d:1'])
    expect(seen).toEqual([
      ['discovery-failed', 'a:1,b:1,c:1'],
      ['instance-kept', 'a:1,b:1,c:1'],
      ['instance-kept', 'a:1,b:1,c:1'],
      ['instances-changed', 'a:1,b:1,c:1'],
      ['list-expired', 'a:1,b:1,c:1'],
      ['discovery-recovered', 'a:1,b:1,c:1,d:1'],
      ['instances-changed', 'a:1,b:1,c:1,d:1'],
    ])
    await lb.close()
  })

  it('when checks find an instance unhealthy', async () => {
    const sick = new Set<string>()
    const healthCheck = {
      probe: ({ id }: ServiceInstance) => !sick.has(id),
      intervalMs: 100,
      idleIntervalMs: 100,
      initialJitterMs: 0,
    }
    const { clock, lb, seen } = seeing(['a:1', 'b:1', 'c:1'], { healthCheck })
    await lb.ready('users')
    await clock.advance(500)
    seen.length = 0
    sick.add('b:1')
    await clock.advance(1_000)
    expect(seen).toEqual([['instance-health-changed', 'a:1,c:1']])
    await lb.close()
  })
})

it('emits in the order in which the state changed, also what a listener causes', async () => {
  const { discovery, lb } = seeing(['a:1'])
  await lb.ready('users')
  const first: string[] = []
  const second: string[] = []
  lb.subscribe(({ type }) => {
    first.push(type)
    if (type === 'instances-changed' && first.length === 1) discovery.push(['b:1', 'c:1'])
  })
  lb.subscribe((event: LoadBalancerEvent) => {
    second.push(event.type === 'instances-changed' ? String(event.total) : event.type)
  })
  discovery.push(['b:1'])
  expect(second).toEqual(['1', '2'])
  await lb.close()
})

it('emits closed last when a listener closes in the middle of an update', async () => {
  const { discovery, lb } = seeing(['a:1'], { healthCheck: { probe: () => true } })
  await lb.ready('users')
  const types: string[] = []
  lb.subscribe(({ type }) => {
    types.push(type)
    void lb.close()
  })
  discovery.push(['b:1'])
  await settlePromises()
  expect(types).toEqual(['instances-changed', 'closed'])
})

it('does not exceed a limit by what a listener takes on the way', async () => {
  const clock = new FakeClock()
  const discovery = new FakeWatchDiscovery(['a:1', 'b:1', 'c:1'])
  const sick = new Set<string>()
  const lb = new LoadBalancer({
    discovery,
    clock,
    maxInFlight: 1,
    queue: false,
    healthCheck: { probe: ({ id }) => !sick.has(id), intervalMs: 100, idleIntervalMs: 100, initialJitterMs: 0 },
  })
  await lb.ready('users')
  const refusedCalls: unknown[] = []
  const take = (): Promise<unknown> => lb.acquire('users').catch((error: unknown) => refusedCalls.push(error))
  lb.subscribe(({ type }) => {
    if (type === 'panic-changed') void take()
  })
  await clock.advance(500)
  sick.add('b:1').add('c:1')
  // What the checks found is looked at with the next pick.
  await clock.advance(1_000)
  await take()
  await settlePromises()
  expect([lb.inspect('users').inFlight, refusedCalls.length]).toEqual([1, 1])
  await lb.close()
})
