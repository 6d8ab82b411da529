import { FakeClock, FakeDiscovery, FakeWatchDiscovery, instance } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import {
  type Balancer,
  DiscoveryError,
  GroupedBalancer,
  LoadBalancer,
  type LoadBalancerEvent,
  poll,
  RoundRobinBalancer,
  StaticDiscovery,
} from '../src/index.ts'

/** A round robin one of whose updates throws, the first unless given. */
function throwingOnce(at = 1): Balancer {
  const inner = new RoundRobinBalancer({ start: 0 })
  let updates = 0
  return {
    update: (candidates) => {
      if (++updates === at) throw new Error('not yet')
      inner.update(candidates)
    },
    pick: (request) => inner.pick(request),
  }
}

describe('a balancer whose update throws', () => {
  it('gets the list again with the next answer of a polled discovery', async () => {
    const clock = new FakeClock()
    const discovery = new FakeDiscovery(['a:1'])
    const lb = new LoadBalancer({ discovery, clock, balancer: () => throwingOnce(), refreshIntervalMs: 1_000 })
    const events: LoadBalancerEvent[] = []
    lb.subscribe((event) => events.push(event))
    const ready = lb.ready('users')
    await clock.advance(30_000)
    await ready
    expect(lb.pick('users').id).toBe('a:1')
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'discovery-failed', error: expect.any(DiscoveryError) }),
    )
    await lb.close()
    expect(clock.pendingTimers).toBe(0)
  })

  it('gets additions and removals again, once each', async () => {
    const clock = new FakeClock()
    const discovery = new FakeWatchDiscovery(['a:1', 'b:1'])
    const healthCheck = { probe: () => true, keepRemovedMs: 5_000, initialJitterMs: 0 }
    const lb = new LoadBalancer({ discovery, clock, balancer: () => throwingOnce(2), healthCheck })
    await lb.ready('users')
    await clock.advance(100)
    discovery.push(['b:1', 'c:1'])
    discovery.push(['b:1', 'c:1'])
    const ids = (): string[] => lb.inspect('users').instances.map(({ instance: { id } }) => id)
    expect(ids()).toEqual(['a:1', 'b:1', 'c:1'])
    await clock.advance(5_100)
    expect(ids()).toEqual(['b:1', 'c:1'])
    expect(new Set([lb.pick('users').id, lb.pick('users').id])).toEqual(new Set(['b:1', 'c:1']))
    discovery.push(['b:1'])
    await lb.close()
    expect(clock.pendingTimers).toBe(0)
  })

  it('gets the removal of an instance again that is not kept', async () => {
    const clock = new FakeClock()
    const discovery = new FakeWatchDiscovery(['a:1', 'b:1'])
    const lb = new LoadBalancer({ discovery, clock, balancer: () => throwingOnce(2) })
    await lb.ready('users')
    discovery.push(['b:1'])
    discovery.push(['b:1'])
    expect(lb.inspect('users').instances.map(({ instance: { id } }) => id)).toEqual(['b:1'])
    expect(lb.pick('users').id).toBe('b:1')
    await lb.close()
  })

  it('is not watched for twice, and gets the list with the next push', async () => {
    const clock = new FakeClock()
    const discovery = new FakeWatchDiscovery(['a:1'])
    const lb = new LoadBalancer({ discovery, clock, balancer: () => throwingOnce() })
    expect(() => lb.pick('users')).toThrow(/not known yet/)
    discovery.push(['a:1'])
    expect(lb.pick('users').id).toBe('a:1')
    expect(discovery.watchers).toBe(1)
    await lb.close()
  })

  it('tells callers why there is no list', async () => {
    const clock = new FakeClock()
    const groupOf = (): string => 7 as unknown as string
    const discovery = new StaticDiscovery({ users: ['a:1'] })
    const lb = new LoadBalancer({ discovery, clock, balancer: () => new GroupedBalancer({ groupOf }) })
    const ready = expect(lb.ready('users')).rejects.toThrow(/GroupedBalancer\.groupOf\(\) must be a string/)
    await clock.advance(5_000)
    await ready
    await lb.close()
  })
})

it('goes on polling for an observer that throws, and tells it', async () => {
  const clock = new FakeClock()
  const told: unknown[] = []
  const watch = poll(() => [instance('a')], { clock, intervalMs: 1_000 })
  const subscription = watch('users', {
    next: () => {
      throw new Error('mine')
    },
    error: (cause) => told.push(cause),
  })
  await clock.advance(2_500)
  expect(told.length).toBeGreaterThanOrEqual(3)
  subscription.close()
  expect(clock.pendingTimers).toBe(0)
})

it('discards what an attempt that was given up resolves with in the end', async () => {
  const clock = new FakeClock()
  const lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: ['a:1'] }), clock })
  const discarded: string[] = []
  let answer: (value: string) => void = () => {}
  const call = lb.execute(
    'users',
    () =>
      new Promise<string>((resolve) => {
        answer = resolve
      }),
    {
      timeoutMs: 100,
      discard: (value) => discarded.push(value),
    },
  )
  const failed = expect(call).rejects.toMatchObject({ code: 'LB_DEADLINE_EXCEEDED' })
  await clock.advance(100)
  await failed
  answer('late')
  await clock.advance(0)
  expect(discarded).toEqual(['late'])
  await lb.close()
})

it('lets done be taken out of its result', async () => {
  const lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: ['a:1'] }) })
  const { done } = await lb.acquire('users')
  done({ ok: true, latencyMs: 1 })
  expect(lb.inspect('users').inFlight).toBe(0)
  await lb.close()
})
