import { FakeClock, FakeDiscovery, FakeWatchDiscovery, settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import {
  type Balancer,
  DiscoveryError,
  InvalidOptionError,
  LoadBalancer,
  type LoadBalancerEvent,
  type LoadBalancerOptions,
  type Outcome,
  RandomBalancer,
  type RetryOptions,
  StaticDiscovery,
} from '../src/index.ts'
import { ObservedLoadBalancer, refused } from './observed-load-balancer.ts'

const ok: Outcome = { ok: true, latencyMs: 1 }

describe('ready', () => {
  it('resolves when the first list is known, be it empty', async () => {
    for (const list of [['a:1'], []]) {
      const clock = new FakeClock()
      const discovery = new FakeDiscovery('wait')
      const lb = new LoadBalancer({ discovery, clock, services: { users: {} } })
      let resolved = false
      const ready = lb.ready('users').then(() => (resolved = true))
      await clock.advance(4_000)
      expect(resolved).toBe(false)
      discovery.release(list)
      await ready
      await lb.ready('users')
      expect(discovery.asked).toBe(1)
      expect(clock.pendingForegroundTimers).toBe(0)
    }
  })

  it('rejects when there is no list in time, saying what is known of the reason', async () => {
    for (const [answer, reason] of [
      ['wait' as const, 'it has not answered'],
      [new Error('down'), 'it fails: users: the discovery failed: down'],
    ] as const) {
      const clock = new FakeClock()
      const discovery = new FakeDiscovery(answer)
      const lb = new LoadBalancer({ discovery, clock, services: { users: { firstListTimeoutMs: 3_000 } } })
      const ready = Promise.allSettled([lb.ready('users'), lb.acquire('users'), lb.execute('users', () => 1)])
      await clock.advance(3_000)
      for (const result of await ready) {
        expect(result.status).toBe('rejected')
        const error: unknown = result.status === 'rejected' ? result.reason : undefined
        expect(error).toBeInstanceOf(DiscoveryError)
        expect(error).toMatchObject({
          service: 'users',
          message: `users: no list of instances from FakeDiscovery after 3000 ms; ${reason}`,
        })
      }
      expect(clock.pendingForegroundTimers).toBe(0)
    }
  })

  it('waits for 5 s by default', async () => {
    const clock = new FakeClock()
    const lb = new LoadBalancer({ discovery: new FakeDiscovery('wait'), clock, services: { users: {} } })
    let settled = false
    const ready = lb.ready('users').catch(() => (settled = true))
    await clock.advance(4_999)
    expect(settled).toBe(false)
    await clock.advance(1)
    await ready
    expect(settled).toBe(true)
  })
})

describe('pick', () => {
  it('gives the instances in turn, without asking the discovery again', async () => {
    const discovery = new FakeDiscovery(['a:1', 'b:1'])
    const lb = new LoadBalancer({ discovery, clock: new FakeClock(), random: () => 0 })
    await lb.ready('users')
    const picked = Array.from({ length: 1_000 }, () => lb.pick('users').id)
    expect(picked.slice(0, 4)).toEqual(['a:1', 'b:1', 'a:1', 'b:1'])
    expect(discovery.asked).toBe(1)
  })

  it('counts nothing', () => {
    const observed = new ObservedLoadBalancer(['a:1'])
    observed.lb.pick('users')
    expect(observed.inFlight).toBe(0)
  })

  it('passes over who is to be avoided', () => {
    const { lb } = new ObservedLoadBalancer(['a:1', 'b:1'])
    for (let pick = 0; pick < 10; pick++) expect(lb.pick('users', { avoid: new Set(['a:1']) }).id).toBe('b:1')
    expect(lb.pick('users', { avoid: new Set(['a:1', 'b:1']) }).id).toMatch(/^[ab]:1$/)
  })

  it('does not wait: while the first list is not known it throws, and says what to do', async () => {
    const discovery = new FakeDiscovery('wait')
    const lb = new LoadBalancer({ discovery, clock: new FakeClock(), services: { users: {} } })
    expect(() => lb.pick('users')).toThrow(
      expect.objectContaining({
        code: 'LB_NO_AVAILABLE_INSTANCE',
        service: 'users',
        message:
          'users: no available instance (the first list from FakeDiscovery is not known yet; await ready("users") first)',
      }),
    )
    expect(discovery.asked).toBe(1)
    discovery.release(['a:1'])
    await settlePromises()
    expect(lb.pick('users').id).toBe('a:1')
  })
})

describe('acquire', () => {
  it('counts the request in flight until it is done', async () => {
    const observed = new ObservedLoadBalancer(['a:1', 'b:1'])
    const [first, second] = [await observed.lb.acquire('users'), await observed.lb.acquire('users')]
    expect([first.instance.id, second.instance.id, observed.inFlight]).toEqual(['a:1', 'b:1', 2])
    first.done({ ok: false, latencyMs: 7, statusCode: 500 })
    expect(observed.inFlight).toBe(1)
    second.done(ok)
    expect(observed.lb.inspect('users').instances).toMatchObject([
      { inFlight: 0, succeeded: 0, failed: 1 },
      { inFlight: 0, succeeded: 1, failed: 0 },
    ])
    expect(observed.eventsOf('request-finished')).toMatchObject([
      { service: 'users', instance: { id: 'a:1' }, outcome: { ok: false, latencyMs: 7, statusCode: 500 } },
      { instance: { id: 'b:1' }, outcome: ok },
    ])
  })

  it('waits for the first list', async () => {
    const discovery = new FakeDiscovery('wait')
    const lb = new LoadBalancer({ discovery, clock: new FakeClock(), services: { users: {} } })
    const acquired = lb.acquire('users')
    await settlePromises()
    discovery.release(['a:1'])
    expect((await acquired).instance.id).toBe('a:1')
  })

  it('ignores a second done', async () => {
    const observed = new ObservedLoadBalancer(['a:1'])
    await observed.lb.acquire('users')
    const picked = await observed.lb.acquire('users')
    picked.done(ok)
    picked.done({ ok: false, latencyMs: 1 })
    expect(observed.finished).toHaveLength(1)
    expect(observed.lb.inspect('users').instances).toMatchObject([{ succeeded: 1, failed: 0, inFlight: 1 }])
  })

  it.each([
    [undefined, 'ok'],
    [null, 'ok'],
    [{}, 'ok'],
    [{ ok: true }, 'latencyMs'],
    [{ ok: 'yes', latencyMs: 1 }, 'ok'],
  ])('refuses the outcome %j, names its field %s, and still takes a right one', async (outcome, field) => {
    const observed = new ObservedLoadBalancer(['a:1'])
    const picked = await observed.lb.acquire('users')
    expect(() => picked.done(outcome as unknown as Outcome)).toThrow(
      expect.objectContaining({
        code: 'LB_INVALID_OPTION',
        option: 'PickResult.done.outcome',
        message: expect.stringMatching(
          new RegExp(`must be an object with ok \\(boolean\\) and latencyMs \\(number\\), .* Its ${field} is missing`),
        ),
      }),
    )
    picked.done(ok)
    expect(observed.inFlight).toBe(0)
  })

  it.each([
    [Number.NaN, 0],
    [Number.POSITIVE_INFINITY, 0],
    [-5, 0],
    [1e300, 3_600_000],
  ])('takes a latency of %d ms for %d ms', async (latencyMs, counted) => {
    const observed = new ObservedLoadBalancer(['a:1'])
    const picked = await observed.lb.acquire('users')
    picked.done({ ok: true, latencyMs, statusCode: 200 })
    expect(observed.eventsOf('request-finished')).toMatchObject([
      { outcome: { ok: true, latencyMs: counted, statusCode: 200 } },
    ])
    expect(observed.inFlight).toBe(0)
  })

  it('rejects on a signal that is already aborted, and counts nothing', async () => {
    const observed = new ObservedLoadBalancer(['a:1'])
    const reason = new Error('the user left')
    await expect(observed.lb.acquire('users', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(observed.inFlight).toBe(0)
  })
})

describe('bad arguments', () => {
  it.each(['', 'a\n', 'a'.repeat(1025)])('include the service name %j', async (service) => {
    const { lb } = new ObservedLoadBalancer([])
    const expected = {
      code: 'LB_INVALID_OPTION',
      option: 'service',
      message: expect.stringMatching(/^service must be a service name: 1 to 1024 characters/),
    }
    expect(() => lb.pick(service)).toThrow(expect.objectContaining(expected))
    expect(() => lb.inspect(service)).toThrow(expect.objectContaining(expected))
    await expect(lb.ready(service)).rejects.toMatchObject(expected)
    await expect(lb.acquire(service)).rejects.toMatchObject(expected)
    await expect(lb.execute(service, () => 1)).rejects.toMatchObject(expected)
    expect(lb.inspect()).toHaveLength(1)
  })

  it('include null options of ready and acquire', async () => {
    const { lb } = new ObservedLoadBalancer(['a:1'])
    await expect(lb.ready('users', null as unknown as object)).rejects.toBeInstanceOf(InvalidOptionError)
    await expect(lb.acquire('users', null as unknown as object)).rejects.toBeInstanceOf(InvalidOptionError)
  })

  it.each([[null], [undefined], [7]])('include the listener %s', (listener) => {
    const { lb } = new ObservedLoadBalancer([])
    expect(() => lb.subscribe(listener as unknown as () => void)).toThrow(
      expect.objectContaining({ code: 'LB_INVALID_OPTION', option: 'listener' }),
    )
  })

  it('include a balancer function that gives none', () => {
    for (const made of [undefined, null, {}, { pick: () => undefined }]) {
      const build = (): unknown =>
        new LoadBalancer({
          discovery: new StaticDiscovery(),
          services: { users: { balancer: () => made as unknown as Balancer } },
        })
      expect(build).toThrow(InvalidOptionError)
      expect(build).toThrow('users.balancer() must be a Balancer with update and pick')
    }
  })

  it('include an unknown balancer name, which is told the nearest', () => {
    const options = { discovery: new StaticDiscovery(), balancer: 'round-robbin' } as unknown as LoadBalancerOptions
    expect(() => new LoadBalancer(options)).toThrow(
      expect.objectContaining({
        option: 'LoadBalancer.balancer',
        message: expect.stringMatching(/got "round-robbin" \(string\)\. Did you mean round-robin\?$/),
      }),
    )
  })
})

describe('subscribe', () => {
  it('tells every event until it is ended', async () => {
    const { lb, discovery } = new ObservedLoadBalancer(['a:1'])
    const told: LoadBalancerEvent['type'][] = []
    const unsubscribe = lb.subscribe(({ type }) => told.push(type))
    lb.pick('users')
    discovery.set('users', ['a:1', 'b:1'])
    unsubscribe()
    unsubscribe()
    discovery.set('users', ['b:1'])
    expect(told).toEqual(['instances-changed', 'instances-changed'])
  })

  it('does not let a listener that throws disturb a call', async () => {
    const observed = new ObservedLoadBalancer(['a:1'])
    const error = new Error('listener')
    observed.lb.subscribe(() => {
      throw error
    })
    expect(await observed.lb.execute('users', () => 'value')).toBe('value')
    expect(observed.eventsOf('listener-failed').length).toBeGreaterThan(0)
    expect(observed.eventsOf('listener-failed')[0]).toMatchObject({ error })
  })
})

describe('the options', () => {
  it('are copied, not kept', async () => {
    const clock = new FakeClock()
    const discovery = new StaticDiscovery({ users: ['a:1'], orders: ['o:1'] })
    type Named = { balancer: 'random' | 'round-robin' }
    const services: { users: Named; orders?: Named } = { users: { balancer: 'random' } }
    const options = { discovery, clock, services, balancer: 'round-robin' as 'random' | 'round-robin' }
    const lb = new LoadBalancer(options)
    options.balancer = 'random'
    options.discovery = new StaticDiscovery()
    services.orders = { balancer: 'random' }
    services.users = { balancer: 'round-robin' }
    lb.pick('users')
    lb.pick('orders')
    expect(lb.inspect('orders').balancer).toBe('RoundRobinBalancer')
    expect(lb.inspect('users').balancer).toBe('RandomBalancer')
    expect([...lb.configuredServices]).toEqual(['users'])
  })

  it('are copied, not kept, down to retry', async () => {
    const retry: { -readonly [K in keyof RetryOptions]: RetryOptions[K] } = { maxRetries: 0 }
    const observed = new ObservedLoadBalancer(['a:1', 'b:1'], { retry, services: {} })
    retry.maxRetries = 5
    let attempts = 0
    const call = observed.lb.execute('users', () => {
      attempts++
      throw refused
    })
    await observed.settle(call).catch(() => {})
    expect(attempts).toBe(1)
  })

  it('give each service a balancer of its own', () => {
    const made: Balancer[] = []
    const balancer = (): Balancer => {
      const one = new RandomBalancer()
      made.push(one)
      return one
    }
    const lb = new LoadBalancer({
      discovery: new StaticDiscovery({ users: ['a:1'], orders: ['b:1'] }),
      balancer,
      services: { users: {}, orders: {} },
    })
    expect([lb.pick('users').id, lb.pick('orders').id]).toEqual(['a:1', 'b:1'])
    expect(made).toHaveLength(2)
  })

  it('may give a service a discovery of its own', async () => {
    const [shared, own] = [new FakeWatchDiscovery(['shared:1']), new FakeWatchDiscovery(['own:1'])]
    const lb = new LoadBalancer({ discovery: shared, services: { users: { discovery: own } } })
    expect([lb.pick('users').id, lb.pick('orders').id]).toEqual(['own:1', 'shared:1'])
    expect([shared.watchers, own.watchers]).toEqual([1, 1])
    await lb.close()
    expect([shared.watchers, own.watchers]).toEqual([0, 0])
  })

  it('of two load balancers have nothing to do with each other', async () => {
    const [first, second] = [new ObservedLoadBalancer(['a:1']), new ObservedLoadBalancer(['b:1'])]
    expect([first.lb.pick('users').id, second.lb.pick('users').id]).toEqual(['a:1', 'b:1'])
    await first.lb.close()
    first.discovery.set('users', ['c:1'])
    expect(second.lb.pick('users').id).toBe('b:1')
    second.discovery.set('users', ['d:1'])
    expect(second.lb.pick('users').id).toBe('d:1')
  })
})
