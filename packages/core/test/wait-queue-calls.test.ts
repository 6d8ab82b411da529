import { getEventListeners } from 'node:events'
import { settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { DeadlineExceededError, LoadBalancerClosedError, NoAvailableInstanceError } from '../src/index.ts'
import { ObservedLoadBalancer, reset } from './observed-load-balancer.ts'

const good = { ok: true, latencyMs: 1 }
const bad = { ok: false, latencyMs: 1, error: reset }

/** Notes `name` when `promise` settles, with what it gave. */
function noting(notes: string[], name: string, promise: Promise<unknown>): void {
  promise.then(
    () => notes.push(`${name} in`),
    (error: Error & { code?: unknown }) =>
      notes.push(`${name} ${error.name === 'AbortError' ? error.name : String(error.code)}`),
  )
}

function queued({ lb }: ObservedLoadBalancer): number {
  return lb.inspect('users').queued
}

describe('a call at the limit', () => {
  it('waits by default, and is served first come, first served, be it acquired or executed', async () => {
    const observed = new ObservedLoadBalancer(['a:1'], { maxInFlight: 1 })
    const first = await observed.lb.acquire('users')
    const order: string[] = []
    const attempt = (name: string) => () => {
      order.push(name)
      return new Promise((resolve) => void observed.clock.setTimeout(() => resolve(1), 10))
    }
    const calls = [
      observed.lb.execute('users', attempt('b')),
      observed.lb.acquire('users').then((picked) => {
        order.push('c')
        picked.done(good)
      }),
      observed.lb.execute('users', attempt('d')),
    ]
    await settlePromises()
    expect([order, queued(observed)]).toEqual([[], 3])
    first.done(good)
    await observed.settle(Promise.all(calls), 100)
    expect(order).toEqual(['b', 'c', 'd'])
    expect([observed.inFlight, queued(observed), observed.clock.pendingForegroundTimers]).toEqual([0, 0, 0])
  })

  it('is not overtaken by one that comes when room is made', async () => {
    const observed = new ObservedLoadBalancer(['a:1'], { maxInFlight: 1 })
    const first = await observed.lb.acquire('users')
    const notes: string[] = []
    noting(notes, 'waiting', observed.lb.acquire('users'))
    await settlePromises()
    observed.lb.subscribe((event) => {
      if (event.type === 'request-finished') noting(notes, 'newcomer', observed.lb.acquire('users'))
    })
    first.done(good)
    await settlePromises()
    expect([notes, queued(observed)]).toEqual([['waiting in'], 1])
  })

  it('is refused when the queue is full', async () => {
    const observed = new ObservedLoadBalancer(['a:1'], { maxInFlight: 1, queue: { maxSize: 2 } })
    await observed.lb.acquire('users')
    for (let each = 0; each < 2; each++) void observed.lb.acquire('users').catch(() => {})
    await settlePromises()
    await expect(observed.lb.execute('users', () => 1)).rejects.toMatchObject({
      code: 'LB_OVERLOADED',
      message:
        'users: overloaded, refused before it was sent: 1 request in flight (maxInFlight 1), 2 calls waiting already (queue.maxSize)',
    })
    expect(observed.eventsOf('call-refused').map(({ because }) => because)).toEqual(['queue-full'])
    await observed.lb.close()
  })

  it('is refused when it waited queue.maxWaitMs', async () => {
    const observed = new ObservedLoadBalancer(['a:1'], { maxInFlight: 1, queue: { maxWaitMs: 200 } })
    const first = await observed.lb.acquire('users')
    const call = Promise.allSettled([observed.lb.execute('users', () => 1)])
    await observed.clock.advance(199)
    expect(queued(observed)).toBe(1)
    await observed.clock.advance(1)
    expect((await call)[0]).toMatchObject({
      reason: {
        code: 'LB_OVERLOADED',
        message:
          'users: overloaded, refused before it was sent: 1 request in flight (maxInFlight 1), none of them ended within 200 ms (queue.maxWaitMs)',
      },
    })
    expect(observed.eventsOf('call-refused').map(({ because }) => because)).toEqual(['queue-timeout'])
    first.done(good)
    expect([queued(observed), observed.inFlight, observed.clock.pendingForegroundTimers]).toEqual([0, 0, 0])
  })

  it.each([300, 1_000])('leaves at its deadline, which is no refusal, with a queue of %i ms', async (maxWaitMs) => {
    const observed = new ObservedLoadBalancer(['a:1'], { maxInFlight: 1, queue: { maxWaitMs } })
    await observed.lb.acquire('users')
    const call = Promise.allSettled([observed.lb.execute('users', () => 1, { timeoutMs: 300 })])
    await observed.clock.advance(300)
    expect((await call)[0]).toMatchObject({ reason: expect.any(DeadlineExceededError) })
    expect([queued(observed), observed.eventsOf('call-refused').length]).toEqual([0, 0])
    expect(observed.clock.pendingForegroundTimers).toBe(0)
  })

  it('leaves when its caller aborts, and takes no room then', async () => {
    const observed = new ObservedLoadBalancer(['a:1'], { maxInFlight: 1 })
    const first = await observed.lb.acquire('users')
    const notes: string[] = []
    const controllers = [new AbortController(), new AbortController()] as const
    noting(notes, 'acquire', observed.lb.acquire('users', { signal: controllers[0].signal }))
    noting(
      notes,
      'execute',
      observed.lb.execute('users', () => 1, { signal: controllers[1].signal }),
    )
    noting(notes, 'last', observed.lb.acquire('users'))
    await settlePromises()
    for (const controller of controllers) controller.abort()
    await settlePromises()
    expect(notes).toEqual(['acquire AbortError', 'execute AbortError'])
    for (const { signal } of controllers) expect(getEventListeners(signal, 'abort')).toEqual([])
    first.done(good)
    await settlePromises()
    expect([notes.at(-1), observed.inFlight]).toEqual(['last in', 1])
    expect(observed.eventsOf('call-refused')).toEqual([])
  })

  it('starts no attempt when its caller aborts in the turn in which it is let in', async () => {
    for (const hedge of [false, { delayMs: 10 }] as const) {
      const observed = new ObservedLoadBalancer(['a:1'], { maxInFlight: 1, hedge })
      const first = await observed.lb.acquire('users')
      const controller = new AbortController()
      let attempts = 0
      const call = observed.lb.execute('users', () => ++attempts, { signal: controller.signal, idempotent: true })
      await settlePromises()
      first.done(good)
      controller.abort()
      await expect(call).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }))
      expect([attempts, observed.inFlight, observed.clock.pendingForegroundTimers]).toEqual([0, 0, 0])
    }
  })

  it('rejects with LB_CLOSED when the load balancer is closed', async () => {
    const observed = new ObservedLoadBalancer(['a:1'], { maxInFlight: 1 })
    const first = await observed.lb.acquire('users')
    const calls = Promise.allSettled([observed.lb.acquire('users'), observed.lb.execute('users', () => 1)])
    await settlePromises()
    await observed.lb.close()
    for (const result of await calls) expect(result).toMatchObject({ reason: expect.any(LoadBalancerClosedError) })
    first.done(good)
    expect(observed.clock.pendingTimers).toBe(0)
  })

  it('is counted, so that its service is not forgotten', async () => {
    const observed = new ObservedLoadBalancer(['a:1'], { maxInFlight: 1, services: {}, maxServices: 1 })
    observed.discovery.set('orders', ['o:1'])
    const first = await observed.lb.acquire('users')
    const second = observed.lb.acquire('users')
    await settlePromises()
    await expect(observed.lb.acquire('orders')).rejects.toThrow(NoAvailableInstanceError)
    first.done(good)
    expect((await second).instance.id).toBe('a:1')
  })
})

describe('calls that wait are let in', () => {
  it('by a new instance, as many as it takes', async () => {
    const observed = new ObservedLoadBalancer(['a:1'], { maxInFlightPerInstance: 2 })
    for (let each = 0; each < 2; each++) await observed.lb.acquire('users')
    const notes: string[] = []
    for (const name of ['c', 'd', 'e']) noting(notes, name, observed.lb.acquire('users'))
    await settlePromises()
    observed.discovery.set('users', ['a:1', 'b:1'])
    await settlePromises()
    expect([notes, queued(observed)]).toEqual([['c in', 'd in'], 1])
  })

  it('by an instance that returns from its ejection', async () => {
    const observed = new ObservedLoadBalancer(['a:1', 'b:1'], {
      maxInFlightPerInstance: 1,
      queue: { maxWaitMs: 600_000 },
      outlierDetection: { consecutiveConnectErrors: 2, maxEjectionPercent: 50 },
      retry: false,
    })
    await observed.lb.ready('users')
    for (let each = 0; each < 2; each++) {
      const all = [await observed.lb.acquire('users'), await observed.lb.acquire('users')]
      for (const { instance, done } of all) done(instance.id === 'a:1' ? bad : good)
    }
    expect(observed.states).toMatchObject({ 'a:1': 'ejected', 'b:1': 'available' })
    const held = await observed.lb.acquire('users')
    const notes: string[] = []
    const probe = observed.lb.acquire('users')
    noting(notes, 'probe', probe)
    noting(notes, 'next', observed.lb.acquire('users'))
    await observed.clock.advance(400_000)
    held.done(good)
    await settlePromises()
    // One of them tries the instance; when it is back the other one need not wait either.
    expect([notes.sort(), queued(observed)]).toEqual([['next in', 'probe in'], 0])
  })

  it('by an instance that is healthy again, although nothing ends', async () => {
    let healthy = true
    const observed = new ObservedLoadBalancer(['a:1', 'b:1'], {
      maxInFlightPerInstance: 1,
      queue: { maxWaitMs: 600_000 },
      panic: false,
      healthCheck: {
        intervalMs: 1_000,
        idleIntervalMs: 1_000,
        probe: ({ host }) => Promise.resolve({ healthy: host === 'b' || healthy }),
      },
    })
    await observed.lb.ready('users')
    await observed.clock.advance(5_000)
    healthy = false
    await observed.clock.advance(30_000)
    expect(observed.states).toEqual({ 'a:1': 'unhealthy', 'b:1': 'available' })
    await observed.lb.acquire('users')
    const notes: string[] = []
    noting(notes, 'waiting', observed.lb.acquire('users'))
    await observed.clock.advance(1_000)
    expect(notes).toEqual([])
    healthy = true
    await observed.clock.advance(30_000)
    expect([notes, queued(observed)]).toEqual([['waiting in'], 0])
    await observed.lb.close()
  })

  it('to be told so when no instance is left', async () => {
    for (const limit of [{ maxInFlight: 1 }, { maxInFlightPerInstance: 1 }]) {
      const observed = new ObservedLoadBalancer(['a:1'], { ...limit, emptyGraceMs: 0 })
      const first = await observed.lb.acquire('users')
      const notes: string[] = []
      noting(notes, 'waiting', observed.lb.acquire('users'))
      await settlePromises()
      observed.discovery.set('users', [])
      first.done(good)
      await settlePromises()
      expect(notes).toEqual(['waiting LB_NO_AVAILABLE_INSTANCE'])
    }
  })

  it('one for each end, whoever ends', async () => {
    const observed = new ObservedLoadBalancer(['a:1', 'b:1'], { maxInFlight: 2 })
    const all = [await observed.lb.acquire('users'), await observed.lb.acquire('users')]
    const notes: string[] = []
    for (const name of ['c', 'd', 'e']) noting(notes, name, observed.lb.acquire('users'))
    await settlePromises()
    all[1]?.done(bad)
    await settlePromises()
    expect(notes).toEqual(['c in'])
    all[0]?.done(good)
    await settlePromises()
    expect([notes, queued(observed), observed.inFlight]).toEqual([['c in', 'd in'], 1, 2])
  })
})

it('lets a retry wait for room like any other call', async () => {
  const observed = new ObservedLoadBalancer(['a:1', 'b:1'], { maxInFlight: 1 })
  const order: string[] = []
  const call = observed.lb.execute(
    'users',
    ({ id }, { number }) => {
      order.push(id)
      return number === 1 ? Promise.reject(reset) : id
    },
    { idempotent: true },
  )
  const other = observed.lb.execute('users', ({ id }) => {
    order.push(`other ${id}`)
  })
  expect(await observed.settle(call)).toBe('b:1')
  await other
  expect(order).toEqual(['a:1', 'other b:1', 'b:1'])
})
