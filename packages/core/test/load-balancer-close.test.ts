import { FakeClock, FakeDiscovery, FakeWatchDiscovery, settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { poll } from '../src/authoring.ts'
import {
  type Clock,
  CompositeDiscovery,
  LoadBalancer,
  LoadBalancerClosedError,
  type LoadBalancerEvent,
  type ServiceDiscovery,
  StaticDiscovery,
} from '../src/index.ts'
import { ObservedLoadBalancer, refused } from './observed-load-balancer.ts'

/** A discovery that notes how often it was closed. */
class ClosingDiscovery extends StaticDiscovery {
  closed = 0
  readonly #error: Error | undefined

  constructor(error?: Error) {
    super({ users: ['a:1'] })
    this.#error = error
  }

  async close(): Promise<void> {
    this.closed++
    if (this.#error !== undefined) throw this.#error
  }
}

describe('close', () => {
  it('ends every call afterwards', async () => {
    const { lb } = new ObservedLoadBalancer(['a:1'])
    lb.pick('users')
    await lb.close()
    const expected = { code: 'LB_CLOSED', service: 'users', message: 'users: the load balancer was closed' }
    expect(() => lb.pick('users')).toThrow(LoadBalancerClosedError)
    expect(() => lb.pick('users')).toThrow(expect.objectContaining(expected))
    await expect(lb.ready('users')).rejects.toMatchObject(expected)
    await expect(lb.acquire('users')).rejects.toMatchObject(expected)
    await expect(lb.execute('users', () => 1)).rejects.toMatchObject(expected)
    expect(lb.inspect()).toEqual([])
    expect(lb.inspect('users').status).toBe('unused')
  })

  it('ends calls that wait for the first list', async () => {
    const clock = new FakeClock()
    const discovery = new FakeDiscovery('wait')
    for (const services of [{}, { users: {} }]) {
      const lb = new LoadBalancer({ discovery, clock, services })
      const calls = Promise.allSettled([lb.ready('users'), lb.acquire('users'), lb.execute('users', () => 1)])
      await settlePromises()
      await lb.close()
      for (const result of await calls)
        expect(result).toMatchObject({ reason: { code: 'LB_CLOSED', service: 'users' } })
      expect([clock.pendingTimers, discovery.open]).toEqual([0, 0])
    }
  })

  it('gives a call that waits before a retry the error it has, with LB_CLOSED as its innermost cause', async () => {
    const observed = new ObservedLoadBalancer(['a:1', 'b:1'], { random: () => 0.9 })
    const error = new TypeError('fetch failed', {
      cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }),
    })
    let attempts = 0
    const call = Promise.allSettled([
      observed.lb.execute('users', () => {
        attempts++
        throw error
      }),
    ])
    await settlePromises()
    expect(observed.clock.pendingForegroundTimers).toBe(1)
    await observed.lb.close()
    expect(await call).toEqual([{ status: 'rejected', reason: error }])
    expect(error.cause).toMatchObject({ code: 'ECONNREFUSED', cause: { code: 'LB_CLOSED', service: 'users' } })
    expect(observed.clock.pendingTimers).toBe(0)
    await observed.clock.advance(1_000)
    expect(attempts).toBe(1)
  })

  it('gives a call that waits before a retry the response it has, which its caller may read and end', async () => {
    const observed = new ObservedLoadBalancer(['a:1', 'b:1'], { random: () => 0.9 })
    const response = new Response('try again', { status: 503 })
    const controller = new AbortController()
    let attempt: AbortSignal | undefined
    const call = observed.lb.execute(
      'users',
      (_instance, { signal, until }) => {
        attempt = signal
        until(new Promise(() => {}))
        return response
      },
      { idempotent: true, signal: controller.signal },
    )
    await settlePromises()
    expect(observed.clock.pendingForegroundTimers).toBe(1)
    await observed.lb.close()
    expect(await call).toBe(response)
    expect(await response.text()).toBe('try again')
    expect([attempt?.aborted, observed.inFlight]).toEqual([false, 0])
    controller.abort(new Error('enough'))
    expect(attempt?.reason).toEqual(new Error('enough'))
  })

  it.each(['request-finished', 'retry'] as const)(
    'in a listener of %s ends the call with the error it has',
    async (type) => {
      const observed = new ObservedLoadBalancer(['a:1', 'b:1'], { random: () => 0.9 })
      observed.lb.subscribe((event) => {
        if (event.type === type) void observed.lb.close()
      })
      let attempts = 0
      const call = observed.lb.execute('users', () => {
        attempts++
        throw refused
      })
      await expect(call).rejects.toBe(refused)
      await observed.clock.advance(1_000)
      expect([attempts, observed.clock.pendingTimers]).toEqual([1, 0])
    },
  )

  it.each(Array.from({ length: 10 }, (_, ticks) => ticks))(
    '%s microtasks after the first list: nothing is sent afterwards',
    async (ticks) => {
      const discovery = new FakeWatchDiscovery()
      const lb = new LoadBalancer({ discovery, clock: new FakeClock() })
      let closed = false
      const late: string[] = []
      const calls = Promise.allSettled([
        lb.execute('users', () => void (closed && late.push('execute'))),
        lb.acquire('users').then(() => void (closed && late.push('acquire'))),
      ])
      await settlePromises()
      discovery.push(['a:1'])
      for (let tick = 0; tick < ticks; tick++) await Promise.resolve()
      closed = true
      await lb.close()
      for (const result of await calls) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'LB_CLOSED' })
      }
      // What was acquired before may come to its caller a microtask later.
      expect(late).not.toContain('execute')
      await expect(lb.acquire('users')).rejects.toMatchObject({ code: 'LB_CLOSED' })
    },
  )

  it('lets requests in flight finish', async () => {
    const observed = new ObservedLoadBalancer(['a:1'])
    let finish: (value: string) => void = () => {}
    let signal: AbortSignal | undefined
    const call = observed.lb.execute('users', (_instance, context) => {
      signal = context.signal
      return new Promise<string>((resolve) => {
        finish = resolve
      })
    })
    const picked = await observed.lb.acquire('users')
    await observed.lb.close()
    expect(signal?.aborted).toBe(false)
    finish('value')
    expect(await call).toBe('value')
    picked.done({ ok: true, latencyMs: 1 })
  })

  it('lets a retry in flight finish, whose call waited before', async () => {
    const observed = new ObservedLoadBalancer(['a:1', 'b:1'])
    let finish: (value: string) => void = () => {}
    const call = observed.lb.execute('users', (_instance, { number }) => {
      if (number === 1) throw refused
      return new Promise<string>((resolve) => {
        finish = resolve
      })
    })
    await observed.clock.advance(1_000)
    await observed.lb.close()
    finish('value')
    expect(await call).toBe('value')
  })

  it('lets a call in flight finish, which waited for the first list before', async () => {
    const clock = new FakeClock()
    const discovery = new FakeDiscovery('wait')
    const lb = new LoadBalancer({ discovery, clock, services: { users: {} } })
    let finish: (value: string) => void = () => {}
    const call = lb.execute(
      'users',
      () =>
        new Promise<string>((resolve) => {
          finish = resolve
        }),
    )
    await settlePromises()
    discovery.release(['a:1'])
    await settlePromises()
    await lb.close()
    finish('value')
    expect(await call).toBe('value')
  })

  it('starts no other attempt for a request in flight that fails', async () => {
    const observed = new ObservedLoadBalancer(['a:1', 'b:1'], { random: () => 0.9 })
    let attempts = 0
    let fail: (error: Error) => void = () => {}
    const call = Promise.allSettled([
      observed.lb.execute('users', () => {
        attempts++
        return new Promise<never>((_resolve, reject) => {
          fail = reject
        })
      }),
    ])
    await settlePromises()
    await observed.lb.close()
    fail(refused)
    await settlePromises()
    expect(observed.clock.pendingTimers).toBe(0)
    await observed.clock.advance(1_000)
    expect(attempts).toBe(1)
    expect(await call).toMatchObject([{ status: 'rejected' }])
  })

  it('is the end of events, also of those of adapters', async () => {
    const { lb } = new ObservedLoadBalancer(['a:1'])
    const seen: string[] = []
    lb.subscribe(({ type }) => seen.push(type), ['gateway-failed', 'closed'])
    const event = { type: 'gateway-failed', service: 'users', statusCode: 502, method: 'GET', error: 'no' } as const
    lb.emit(event)
    await lb.close()
    lb.emit(event)
    expect(seen).toEqual(['gateway-failed', 'closed'])
  })

  it('gives the same promise again', async () => {
    const { lb } = new ObservedLoadBalancer([])
    const closing = lb.close()
    expect(lb.close()).toBe(closing)
    await closing
    expect(lb.close()).toBe(closing)
  })

  it('closes each discovery once, whoever shares it, used or not', async () => {
    const [shared, own, unused] = [new ClosingDiscovery(), new ClosingDiscovery(), new ClosingDiscovery()]
    const lb = new LoadBalancer({
      discovery: shared,
      services: { users: { discovery: own }, orders: { discovery: own }, carts: { discovery: unused }, mails: {} },
    })
    lb.pick('users')
    await lb.close()
    await lb.close()
    expect([shared.closed, own.closed, unused.closed]).toEqual([1, 1, 1])
  })

  it('closes all discoveries although one cannot be closed, and then says so', async () => {
    const cause = new Error('stuck')
    const [broken, sound] = [new ClosingDiscovery(cause), new ClosingDiscovery()]
    const lb = new LoadBalancer({ discovery: broken, services: { users: { discovery: sound } } })
    await expect(lb.close()).rejects.toMatchObject({
      code: 'LB_DISCOVERY',
      message: 'a discovery could not be closed',
      cause,
    })
    expect(sound.closed).toBe(1)
  })

  it.each([
    ['a discovery', (discovery: ServiceDiscovery) => discovery],
    [
      'a member of a composite',
      (discovery: ServiceDiscovery, clock: Clock) => new CompositeDiscovery([discovery], { clock }),
    ],
  ])('does not wait for ever for %s that does not close', async (_what, discoveryOf) => {
    const clock = new FakeClock()
    const stuck: ServiceDiscovery = { getInstances: async () => ['a:1'], close: () => new Promise(() => {}) }
    const lb = new LoadBalancer({ discovery: discoveryOf(stuck, clock), clock })
    const message = 'a discovery could not be closed'
    const closed = expect(lb.close()).rejects.toMatchObject({ code: 'LB_DISCOVERY', message })
    await clock.advance(10_000)
    await closed
    expect(clock.pendingTimers).toBe(0)
  })

  it('is told as the last event', async () => {
    const observed = new ObservedLoadBalancer(['a:1'])
    const picked = await observed.lb.acquire('users')
    await observed.lb.close()
    observed.discovery.set('users', ['b:1'])
    picked.done({ ok: true, latencyMs: 1 })
    expect(observed.events.at(-1)).toEqual({ type: 'closed' })
    expect(observed.eventsOf('closed')).toHaveLength(1)
  })

  it('happens once, although a listener of the last event closes again', async () => {
    const observed = new ObservedLoadBalancer(['a:1'])
    const closings: Promise<void>[] = []
    let told = 0
    observed.lb.subscribe(({ type }) => {
      // Bounded, so that a close that tells the event again ends.
      if (type === 'closed' && told++ < 10) closings.push(observed.lb.close())
    })
    const closing = observed.lb.close()
    await closing
    expect(closings).toHaveLength(1)
    expect(closings[0]).toBe(closing)
    expect(observed.eventsOf('closed')).toHaveLength(1)
  })

  it('leaves no watch behind, although a listener of the last event picks', async () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const lb = new LoadBalancer({ discovery, clock: new FakeClock() })
    lb.pick('users')
    const errors: unknown[] = []
    lb.subscribe(({ type }) => {
      if (type !== 'closed') return
      try {
        lb.pick('orders')
      } catch (error) {
        errors.push(error)
      }
    })
    await lb.close()
    expect(discovery.watchers).toBe(0)
    expect(errors).toMatchObject([{ code: 'LB_CLOSED' }])
  })

  it('drops what the discovery says afterwards', async () => {
    const clock = new FakeClock()
    const discovery = new FakeDiscovery('wait')
    const lb = new LoadBalancer({ discovery, clock, services: { users: {} } })
    const events: LoadBalancerEvent[] = []
    const ready = Promise.allSettled([lb.ready('users')])
    await settlePromises()
    lb.subscribe((event) => events.push(event))
    await lb.close()
    discovery.release(['a:1'])
    await clock.advance(60_000)
    expect((await ready)[0]?.status).toBe('rejected')
    expect(events).toEqual([{ type: 'closed' }])
  })

  it('is what await using does', async () => {
    const discovery = new ClosingDiscovery()
    let kept: LoadBalancer
    {
      await using lb = new LoadBalancer({ discovery })
      expect(lb.pick('users').id).toBe('a:1')
      kept = lb
    }
    expect(discovery.closed).toBe(1)
    expect(() => kept.pick('users')).toThrow(LoadBalancerClosedError)
  })
})

describe('close with drainMs', () => {
  /** A call that ends when it is told to. */
  function pending(observed: ObservedLoadBalancer): { call: Promise<string>; finish: (value: string) => void } {
    let finish: (value: string) => void = () => {}
    const call = observed.lb.execute(
      'users',
      () =>
        new Promise<string>((resolve) => {
          finish = resolve
        }),
    )
    return { call, finish: (value) => finish(value) }
  }

  /** Whether `promise` has settled. */
  async function settled(promise: Promise<unknown>): Promise<boolean> {
    let is = false
    void promise.finally(() => {
      is = true
    })
    await settlePromises()
    return is
  }

  it('refuses new calls at once, and is over when the last request has ended', async () => {
    const observed = new ObservedLoadBalancer(['a:1'])
    const picked = await observed.lb.acquire('users')
    const { call, finish } = pending(observed)
    const closing = observed.lb.close({ drainMs: 5_000 })
    expect(() => observed.lb.pick('users')).toThrow(LoadBalancerClosedError)
    for (const refusal of [
      observed.lb.acquire('users'),
      observed.lb.execute('users', () => 1),
      observed.lb.ready('users'),
    ]) {
      await expect(refusal).rejects.toMatchObject({ code: 'LB_CLOSED' })
    }
    finish('value')
    expect(await call).toBe('value')
    expect(await settled(closing)).toBe(false)
    expect([observed.inFlight, observed.eventsOf('closed').length]).toEqual([1, 0])
    picked.done({ ok: true, latencyMs: 1 })
    await closing
    expect([observed.clock.pendingTimers, observed.eventsOf('closed').length]).toEqual([0, 1])
  })

  it('is over at once when nothing is under way', async () => {
    const observed = new ObservedLoadBalancer(['a:1'])
    await observed.lb.close({ drainMs: 5_000 })
    expect(observed.clock.pendingTimers).toBe(0)
  })

  it('lets calls retry that wait for it, and calls begin that wait for the first list or for room', async () => {
    const clock = new FakeClock()
    const discovery = new FakeWatchDiscovery()
    const lb = new LoadBalancer({ discovery, clock, random: () => 0.9, maxInFlight: 1 })
    const tried: number[] = []
    const calls = [1, 2].map(() =>
      lb.execute('users', (_instance, { number }) => {
        tried.push(number)
        if (number === 1) throw refused
        return 'value'
      }),
    )
    await settlePromises()
    const closing = lb.close({ drainMs: 60_000 })
    discovery.push(['a:1', 'b:1'])
    await clock.advance(1_000)
    expect(await Promise.all(calls)).toEqual(['value', 'value'])
    await closing
    expect([tried.toSorted((left, right) => left - right), discovery.watchers, clock.pendingTimers]).toEqual([
      [1, 1, 2, 2],
      0,
      0,
    ])
  })

  it('lets a response be read to its end', async () => {
    const observed = new ObservedLoadBalancer(['a:1'])
    let end: () => void = () => {}
    await observed.lb.execute('users', (_instance, { until }) => {
      until(
        new Promise<void>((resolve) => {
          end = resolve
        }),
      )
      return 'head'
    })
    const closing = observed.lb.close({ drainMs: 5_000 })
    expect(await settled(closing)).toBe(false)
    end()
    await closing
  })

  it('is over after drainMs: what waits then ends as ever', async () => {
    const observed = new ObservedLoadBalancer(['a:1'], { maxInFlight: 1 })
    const { call, finish } = pending(observed)
    const queued = Promise.allSettled([observed.lb.acquire('users')])
    await settlePromises()
    const closing = observed.lb.close({ drainMs: 500 })
    await observed.clock.advance(499)
    expect(await settled(closing)).toBe(false)
    await observed.clock.advance(1)
    await closing
    expect(await queued).toMatchObject([{ reason: { code: 'LB_CLOSED' } }])
    finish('value')
    expect(await call).toBe('value')
  })

  it('is cut short by a later close, and never made longer', async () => {
    const observed = new ObservedLoadBalancer(['a:1'])
    pending(observed)
    const closing = observed.lb.close({ drainMs: 5_000 })
    expect(observed.lb.close({ drainMs: 10_000 })).toBe(closing)
    await observed.clock.advance(1_000)
    expect(await settled(closing)).toBe(false)
    expect(observed.lb.close()).toBe(closing)
    await closing
    expect(observed.clock.pendingTimers).toBe(0)
  })

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY, '5'])(
    'refuses drainMs %s, and closes nothing',
    async (drainMs) => {
      const { lb } = new ObservedLoadBalancer(['a:1'])
      await expect(lb.close({ drainMs: drainMs as number })).rejects.toMatchObject({
        code: 'LB_INVALID_OPTION',
        option: 'close.drainMs',
      })
      expect(lb.pick('users').id).toBe('a:1')
    },
  )
})

describe('a discovery that several use', () => {
  it.each([
    [0, 1],
    [1, 0],
  ])('is closed with the last of its load balancers (closed in the order %s, %s)', async (first, second) => {
    const discovery = new ClosingDiscovery()
    const lbs = [new LoadBalancer({ discovery }), new LoadBalancer({ discovery })]
    for (const lb of lbs) await lb.ready('users')
    await lbs[first]?.close()
    await lbs[first]?.close()
    discovery.set('users', ['b:1'])
    expect([discovery.closed, lbs[second]?.pick('users').id]).toEqual([0, 'b:1'])
    await lbs[second]?.close()
    expect(discovery.closed).toBe(1)
  })

  it('is closed with the last one also when that never asked it, or it belongs to one service', async () => {
    const discovery = new ClosingDiscovery()
    const first = new LoadBalancer({ discovery })
    const second = new LoadBalancer({ discovery: new StaticDiscovery(), services: { users: { discovery } } })
    first.pick('users')
    await first.close()
    expect(discovery.closed).toBe(0)
    await second.close()
    expect(discovery.closed).toBe(1)
  })

  it('is not closed with a composite while a load balancer, or another composite, uses it', async () => {
    const [member, other] = [new ClosingDiscovery(), new ClosingDiscovery()]
    const failover = new LoadBalancer({ discovery: new CompositeDiscovery([member, other]) })
    const merge = new LoadBalancer({ discovery: new CompositeDiscovery([member], { mode: 'merge' }) })
    const direct = new LoadBalancer({ discovery: member })
    await failover.close()
    expect([member.closed, other.closed]).toEqual([0, 1])
    await direct.close()
    member.set('users', ['b:1'])
    expect([member.closed, merge.pick('users').id]).toEqual([0, 'b:1'])
    await merge.close()
    expect(member.closed).toBe(1)
  })

  it('stays open with closeDiscoveries: false, for one that comes later', async () => {
    const discovery = new ClosingDiscovery()
    await new LoadBalancer({ discovery, closeDiscoveries: false }).close()
    expect(discovery.closed).toBe(0)
    const lb = new LoadBalancer({ discovery })
    expect(lb.pick('users').id).toBe('a:1')
    await lb.close()
    expect(discovery.closed).toBe(1)
  })

  it('is not counted by a load balancer that could not be made', async () => {
    const discovery = new ClosingDiscovery()
    const balancer = (): never => ({}) as never
    expect(() => new LoadBalancer({ discovery, services: { users: { balancer } } })).toThrow('a Balancer')
    await new LoadBalancer({ discovery }).close()
    expect(discovery.closed).toBe(1)
  })
})

describe('a discovery that is closed by something else', () => {
  it('makes the lists stale that stand on it, which expire in time', async () => {
    const clock = new FakeClock()
    const watch = poll(() => ['a:1'], { clock })
    const discovery = { getInstances: async () => ['a:1'], watch, close: () => watch.close() }
    const lb = new LoadBalancer({ discovery, clock, maxStaleMs: 60_000 })
    const events: LoadBalancerEvent[] = []
    lb.subscribe((event) => events.push(event))
    await lb.ready('users')
    discovery.close()
    expect(lb.inspect('users').status).toBe('stale')
    expect(events.at(-1)).toMatchObject({
      type: 'discovery-failed',
      stale: true,
      error: { cause: { code: 'LB_CLOSED' } },
    })
    expect(lb.pick('users').id).toBe('a:1')
    await clock.advance(60_000)
    expect(events.at(-1)?.type).toBe('list-expired')
    expect(() => lb.pick('users')).toThrow('expired list')
    await lb.close()
  })
})
