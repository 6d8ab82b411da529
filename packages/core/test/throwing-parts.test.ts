import { FakeClock, FakeDiscovery, FakeWatchDiscovery, instance, settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { poll } from '../src/authoring.ts'
import {
  type Balancer,
  type Clock,
  DiscoveryError,
  GroupedBalancer,
  LoadBalancer,
  type LoadBalancerEvent,
  RoundRobinBalancer,
  type ServiceInstance,
  StaticDiscovery,
} from '../src/index.ts'
import { ObservedLoadBalancer, refused } from './observed-load-balancer.ts'

function failuresOf(observed: ObservedLoadBalancer): unknown[] {
  return observed.eventsOf('callback-failed').map(({ callback, error }) => [callback, error])
}

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

describe('a balancer of the application', () => {
  it('may pick while it takes a list: the candidates of the new list are picked afterwards', async () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const inner = new RoundRobinBalancer({ start: 0 })
    let refuses = true
    const lb: LoadBalancer = new LoadBalancer({
      discovery,
      balancer: () => ({
        update: (candidates) => {
          if (candidates.length > 1) lb.pick('users')
          inner.update(candidates)
          // What stands in for it is replaced in the course of this update.
          if (candidates.length > 1 && refuses) throw new Error('not yet')
        },
        pick: (request) => inner.pick(request),
      }),
    })
    await lb.ready('users')
    discovery.push(['b:1', 'c:1'])
    const picked = (): string[] => [lb.pick('users').id, lb.pick('users').id].sort()
    expect(picked()).toEqual(['b:1', 'c:1'])
    refuses = false
    discovery.push(['c:1', 'd:1'])
    expect(picked()).toEqual(['c:1', 'd:1'])
    await lb.close()
  })

  const boom = new Error('boom')

  /** A round robin one of whose methods throws while `broken` says so. */
  function breaking(method: keyof Balancer, broken: { now: boolean }): () => Balancer {
    const inner = new RoundRobinBalancer({ start: 0 })
    const guard = (name: keyof Balancer): void => {
      if (name === method && broken.now) throw boom
    }
    return () => ({
      update: (candidates) => {
        guard('update')
        inner.update(candidates)
      },
      pick: (request) => {
        guard('pick')
        return inner.pick(request)
      },
      started: () => guard('started'),
      finished: () => guard('finished'),
    })
  }

  it.each(['started', 'finished'] as const)('that throws in %s changes no call, and is emitted', async (method) => {
    const balancer = breaking(method, { now: true })
    const observed = new ObservedLoadBalancer(['a:1', 'b:1'], { balancer, maxInFlight: 1 })
    for (let call = 0; call < 3; call++) {
      expect(await observed.settle(observed.lb.execute('users', ({ id }) => id))).toBe(call % 2 === 0 ? 'a:1' : 'b:1')
    }
    const { done } = await observed.lb.acquire('users')
    expect(() => done({ ok: true, latencyMs: 1 })).not.toThrow()
    expect(observed.inFlight).toBe(0)
    expect(failuresOf(observed)).toEqual(Array.from({ length: 4 }, () => [`balancer.${method}`, boom]))
  })

  it('that throws in pick refuses that call with its error, and is emitted', async () => {
    const broken = { now: false }
    const observed = new ObservedLoadBalancer(['a:1', 'b:1'], { balancer: breaking('pick', broken), maxInFlight: 1 })
    await observed.lb.ready('users')
    broken.now = true
    expect(() => observed.lb.pick('users')).toThrow(boom)
    await expect(observed.lb.acquire('users')).rejects.toBe(boom)
    await expect(observed.lb.execute('users', () => 1)).rejects.toBe(boom)
    expect([observed.inFlight, failuresOf(observed).length]).toEqual([0, 3])
    broken.now = false
    expect(await observed.lb.execute('users', ({ id }) => id)).toBe('a:1')
  })

  it('that throws in the pick of a retry leaves the call the failure that it had', async () => {
    const broken = { now: false }
    const observed = new ObservedLoadBalancer(['a:1', 'b:1'], { balancer: breaking('pick', broken) })
    const call = observed.lb.execute('users', () => {
      broken.now = true
      throw refused
    })
    await expect(observed.settle(call)).rejects.toBe(refused)
    expect(failuresOf(observed)).toEqual([['balancer.pick', boom]])
  })

  it('that throws when the list expires ends no process, and no pick uses that list', async () => {
    const clock = new FakeClock()
    const discovery = new FakeWatchDiscovery(['a:1', 'b:1'])
    const broken = { now: false }
    const balancer = breaking('update', broken)
    const lb = new LoadBalancer({ discovery, clock, balancer, maxStaleMs: 1_000 })
    const events: string[] = []
    lb.subscribe(({ type }) => events.push(type))
    await lb.ready('users')
    broken.now = true
    discovery.fail(new Error('down'))
    await clock.advance(2_000)
    expect(() => lb.pick('users')).toThrow(/no available instance \(0 known; expired/)
    expect(lb.inspect('users').instances).toEqual([])
    expect(events).toEqual([
      'instances-changed',
      'discovery-failed',
      'callback-failed',
      'instances-changed',
      'list-expired',
    ])
    await lb.close()
  })

  it('that does not take its candidates is replaced until it does: an unhealthy instance is not picked', async () => {
    const clock = new FakeClock()
    const discovery = new FakeWatchDiscovery(['a:1', 'b:1', 'c:1'])
    const sick = new Set<string>()
    const broken = { now: false }
    const healthCheck = {
      probe: ({ id }: ServiceInstance) => !sick.has(id),
      intervalMs: 100,
      idleIntervalMs: 100,
      initialJitterMs: 0,
    }
    const balancer = breaking('update', broken)
    const lb = new LoadBalancer({ discovery, clock, balancer, healthCheck, panic: false })
    let failed = 0
    lb.subscribe(({ type }) => {
      if (type === 'callback-failed') failed++
    })
    await lb.ready('users')
    await clock.advance(500)
    broken.now = true
    sick.add('b:1')
    await clock.advance(1_000)
    const picks = Array.from({ length: 6 }, () => lb.pick('users').id)
    expect(picks.toSorted()).toEqual(['a:1', 'a:1', 'a:1', 'c:1', 'c:1', 'c:1'])
    expect(failed).toBe(1)
    await lb.close()
  })

  it('whose factory throws for a further group of instances has round robin in its place', async () => {
    let made = 0
    const balancer = (): Balancer => {
      if (made++ > 0) throw boom
      return new RoundRobinBalancer({ start: 0 })
    }
    const observed = new ObservedLoadBalancer(['a:1', { host: 'b', port: 1, priority: 1, healthy: false }], {
      balancer,
    })
    await observed.lb.ready('users')
    observed.discovery.set('users', [
      { host: 'a', port: 1, healthy: false },
      { host: 'b', port: 1, priority: 1 },
    ])
    expect(observed.lb.pick('users').id).toBe('b:1')
    expect(failuresOf(observed)).toEqual([['balancer', boom]])
  })
})

describe('a listener of onInterrupt that throws', () => {
  it.each([
    ['a hedge wins', { hedge: { delayMs: 10 } }, true, 'won'],
    ['the deadline of two attempts passes', { hedge: { delayMs: 10 } }, false, 'LB_DEADLINE_EXCEEDED'],
    ['the deadline of one passes', {}, false, 'LB_DEADLINE_EXCEEDED'],
  ])('changes nothing when %s', async (_name, options, wins, wanted) => {
    const observed = new ObservedLoadBalancer(['a:1', 'b:1'], options)
    const boom = new Error('boom')
    const call = observed.lb.execute(
      'users',
      (_instance, context) => {
        context.onInterrupt(() => {
          throw boom
        })
        return context.number === 2 && wins ? 'won' : new Promise<string>(() => {})
      },
      { idempotent: true, timeoutMs: 100 },
    )
    await expect(observed.settle(call.catch((error: { code: string }) => error.code))).resolves.toBe(wanted)
    expect(observed.inFlight).toBe(0)
    const { length } = observed.eventsOf('request-finished')
    expect(failuresOf(observed)).toEqual(Array.from({ length: wins ? 1 : length }, () => ['onInterrupt', boom]))
  })
})

it('retries although discard throws, and emits it', async () => {
  const observed = new ObservedLoadBalancer(['a:1', 'b:1'])
  const boom = new Error('boom')
  const call = observed.lb.execute('users', (_instance, { number }) => number, {
    classify: (result) => (result.ok && result.value === 1 ? { ok: false, retry: 'always' } : undefined),
    discard: () => {
      throw boom
    },
  })
  expect(await observed.settle(call)).toBe(2)
  expect(failuresOf(observed)).toEqual([['discard', boom]])
})

describe('a clock or random source that throws or gives no number', () => {
  const boom = new Error('boom')
  const throwing = (): never => {
    throw boom
  }

  it.each([
    ['throws', throwing, boom],
    ['gives NaN', () => Number.NaN, expect.any(RangeError)],
    ['gives 7', () => 7, expect.any(RangeError)],
  ])('random: %s', async (_name, random, error) => {
    const observed = new ObservedLoadBalancer(['a:1', 'b:1'], { random, balancer: 'random' })
    expect(await observed.settle(observed.lb.execute('users', ({ port }) => port))).toBe(1)
    expect(failuresOf(observed)).toContainEqual(['random', error])
    await observed.lb.close()
  })

  it('the time: the last reading counts', async () => {
    const inner = new FakeClock()
    const broken = { now: false }
    const clock: Clock = {
      now: () => (broken.now ? throwing() : inner.now()),
      setTimeout: (...args) => inner.setTimeout(...args),
    }
    const observed = new ObservedLoadBalancer(['a:1'], { clock })
    await observed.lb.ready('users')
    broken.now = true
    expect(await observed.lb.execute('users', ({ port }) => port, { timeoutMs: 100 })).toBe(1)
    await settlePromises()
    expect(observed.eventsOf('request-finished')).toMatchObject([{ outcome: { ok: true, latencyMs: 0 } }])
    expect(failuresOf(observed)).toContainEqual(['clock.now', boom])
    await observed.lb.close()
  })

  it('timers: the platform’s stand in, and a failure to cancel one harms no call', async () => {
    const inner = new FakeClock()
    const failing = { set: false }
    const clock: Clock = {
      now: () => inner.now(),
      setTimeout: (callback, delayMs) => {
        if (failing.set) throw boom
        inner.setTimeout(callback, delayMs)
        return throwing
      },
    }
    const observed = new ObservedLoadBalancer(['a:1'], { clock })
    await observed.lb.ready('users')
    expect(await observed.lb.execute('users', ({ port }) => port, { timeoutMs: 100 })).toBe(1)
    failing.set = true
    expect(await observed.lb.execute('users', ({ port }) => port, { timeoutMs: 100 })).toBe(1)
    await settlePromises()
    expect(failuresOf(observed)).toContainEqual(['clock.setTimeout', boom])
    await observed.lb.close()
  })
})
