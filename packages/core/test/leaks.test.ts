import { getEventListeners } from 'node:events'
import { FakeDiscovery, FakeWatchDiscovery, seededRandom, settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { type LoadBalancerOptions, type PickResult, type ServiceDiscovery, StaticDiscovery } from '../src/index.ts'
import { ObservedLoadBalancer, refused, reset } from './observed-load-balancer.ts'

const down = new Error('down')

/** Every state in which a cache holds timers or watches. */
const situations: readonly [string, Partial<LoadBalancerOptions>, () => ServiceDiscovery][] = [
  ['polls', {}, () => new FakeDiscovery(['a:1'])],
  ['polls and gets no answer', {}, () => new FakeDiscovery('wait')],
  ['polls and fails', { maxStaleMs: 60_000 }, () => new FakeDiscovery(down)],
  ['watches', {}, () => new FakeWatchDiscovery(['a:1'])],
  ['watches and hears nothing', {}, () => new FakeWatchDiscovery()],
  [
    'serves a stale list',
    { maxStaleMs: 60_000 },
    () => changed(new FakeWatchDiscovery(['a:1']), (discovery) => discovery.fail(down)),
  ],
  [
    'holds an empty answer for a time',
    { emptyGraceMs: 60_000 },
    () => changed(new FakeWatchDiscovery(['a:1']), (discovery) => discovery.push([])),
  ],
  [
    'holds an empty answer until it is confirmed',
    {},
    () => changed(new FakeWatchDiscovery(['a:1']), (discovery) => discovery.push([])),
  ],
  [
    'cannot watch',
    {},
    () => ({
      getInstances: () => Promise.reject(down),
      watch: () => {
        throw down
      },
    }),
  ],
]

/** Lets `change` happen to `discovery` after its first watcher was told the list. */
function changed(discovery: FakeWatchDiscovery, change: (discovery: FakeWatchDiscovery) => void): FakeWatchDiscovery {
  void Promise.resolve().then(() => change(discovery))
  return discovery
}

describe('after close nothing is left', () => {
  it.each(situations)('of a load balancer that %s', async (_, options, build) => {
    for (const services of [{ users: {} }, {}]) {
      const discovery = build()
      const observed = new ObservedLoadBalancer([], { ...options, discovery, services })
      const calls = Promise.allSettled([observed.lb.ready('users'), observed.lb.execute('users', () => 1)])
      await observed.clock.advance(500)
      await observed.lb.close()
      expect(observed.clock.pendingTimers).toBe(0)
      if (discovery instanceof FakeWatchDiscovery) expect(discovery.watchers).toBe(0)
      if (discovery instanceof FakeDiscovery) expect(discovery.open).toBe(0)
      await calls
      await observed.clock.advance(1_000_000)
      expect(observed.clock.pendingTimers).toBe(0)
    }
  })

  it('of the listeners', async () => {
    const observed = new ObservedLoadBalancer(['a:1'])
    const picked = await observed.lb.acquire('users')
    await observed.lb.close()
    const told = observed.events.length
    picked.done({ ok: true, latencyMs: 1 })
    expect(observed.events).toHaveLength(told)
  })
})

describe('a call leaves nothing behind', () => {
  it('whatever happens to it', async () => {
    const random = seededRandom(21)
    const observed = new ObservedLoadBalancer(['a:1', 'b:1', 'c:1'], {
      random,
      timeoutMs: 1_000,
      retry: { attemptTimeoutMs: 300 },
    })
    const shared = new AbortController()
    const controllers: AbortController[] = []
    const calls: Promise<unknown>[] = []
    for (let call = 0; call < 1_000; call++) {
      const own = new AbortController()
      controllers.push(own)
      const signal = call % 2 === 0 ? shared.signal : own.signal
      const attempt = async (): Promise<unknown> => {
        const chance = random()
        if (chance < 0.2) throw refused
        if (chance < 0.4) throw reset
        if (chance < 0.6) return new Promise(() => {})
        if (chance < 0.8) return new Response('x', { status: 503 })
        return new Promise((resolve) => observed.clock.setTimeout(() => resolve(1), 200 * random()))
      }
      calls.push(observed.lb.execute('users', attempt, { signal, idempotent: call % 3 === 0 }))
      if (call % 5 === 0) observed.clock.setTimeout(() => own.abort(), 1_500 * random())
    }
    const settled = Promise.allSettled(calls)
    await observed.clock.advance(5_000)
    await settled
    expect([observed.inFlight, observed.clock.pendingForegroundTimers]).toEqual([0, 0])
    // What watches over the instances stops when nothing happens any more.
    await observed.clock.advance(600_000)
    expect(observed.clock.pendingTimers).toBe(0)
    expect(getEventListeners(shared.signal, 'abort')).toHaveLength(0)
    for (const { signal } of controllers) expect(getEventListeners(signal, 'abort')).toHaveLength(0)
    const { instances } = observed.lb.inspect('users')
    const counted = instances.reduce((sum, { succeeded, failed }) => sum + succeeded + failed, 0)
    expect(counted).toBe(observed.eventsOf('request-finished').length)
    expect(counted).toBeGreaterThan(1_000)
  })
})

describe('instances that come and go leave nothing behind', () => {
  it('once their requests are done', async () => {
    const discovery = new StaticDiscovery()
    const observed = new ObservedLoadBalancer([], { discovery })
    let open: PickResult[] = []
    for (let round = 0; round < 500; round++) {
      discovery.set('users', [`a${round}:1`, `b${round}:1`])
      open.push(await observed.lb.acquire('users'))
      if (round % 10 !== 9) continue
      for (const picked of open) picked.done({ ok: true, latencyMs: 1 })
      open = []
      expect(observed.lb.inspect('users').instances).toHaveLength(2)
    }
    await settlePromises()
    expect([observed.inFlight, observed.clock.pendingForegroundTimers]).toEqual([0, 0])
    await observed.clock.advance(60_000)
    expect(observed.clock.pendingTimers).toBe(0)
  })
})
