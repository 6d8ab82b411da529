import { FakeClock, FakeWatchDiscovery } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import {
  LoadBalancer,
  type LoadBalancerOptions,
  type Outcome,
  type ServiceInstanceInit,
  StaticDiscovery,
} from '../src/index.ts'
import { ObservedLoadBalancer } from './observed-load-balancer.ts'

const ok: Outcome = { ok: true, latencyMs: 1 }

/** How often each instance is picked. */
function picks(observed: ObservedLoadBalancer, count: number): Record<string, number> {
  const counts: Record<string, number> = {}
  for (let pick = 0; pick < count; pick++) {
    const { id } = observed.lb.pick('users')
    counts[id] = (counts[id] ?? 0) + 1
  }
  return counts
}

function weighted(host: string, weight: number): ServiceInstanceInit {
  return { host, port: 1, weight }
}

describe('the default balancer', () => {
  it('is round robin while all weights are equal, whatever they are', () => {
    const observed = new ObservedLoadBalancer([weighted('a', 3), weighted('b', 3)])
    expect(picks(observed, 10)).toEqual({ 'a:1': 5, 'b:1': 5 })
    expect(observed.lb.inspect('users').balancer).toBe('RoundRobinBalancer')
  })

  it('becomes smooth weighted round robin as soon as weights differ, and stays it', () => {
    const observed = new ObservedLoadBalancer(['a:1', 'b:1'])
    expect(picks(observed, 10)).toEqual({ 'a:1': 5, 'b:1': 5 })
    observed.discovery.set('users', [weighted('a', 5), weighted('b', 1), weighted('c', 1)])
    expect(picks(observed, 70)).toEqual({ 'a:1': 50, 'b:1': 10, 'c:1': 10 })
    expect(observed.lb.inspect('users').balancer).toBe('SmoothWeightedRoundRobinBalancer')
    observed.discovery.set('users', ['a:1', 'b:1'])
    expect(picks(observed, 10)).toEqual({ 'a:1': 5, 'b:1': 5 })
    expect(observed.lb.inspect('users').balancer).toBe('SmoothWeightedRoundRobinBalancer')
  })

  it('is not moved by the weights of instances that are not candidates', () => {
    const observed = new ObservedLoadBalancer([
      weighted('a', 1),
      weighted('b', 0),
      { host: 'c', port: 1, weight: 9, priority: 1 },
    ])
    expect(picks(observed, 3)).toEqual({ 'a:1': 3 })
    expect(observed.lb.inspect('users').balancer).toBe('RoundRobinBalancer')
  })

  it('stays what was asked for by name or made by a function', () => {
    const list = [weighted('a', 5), weighted('b', 1)]
    const named = new ObservedLoadBalancer(list, { balancer: 'round-robin' })
    expect(picks(named, 10)).toEqual({ 'a:1': 5, 'b:1': 5 })
    const lb = new LoadBalancer({
      discovery: new StaticDiscovery({ users: list }),
      balancer: () => ({ update: () => {}, pick: () => undefined }),
    })
    expect(() => lb.pick('users')).toThrow('no available instance')
    expect(lb.inspect('users').balancer).toBe('a custom object')
  })
})

describe('a removed instance', () => {
  it('gets no new pick, and drains until its last request is done', async () => {
    const observed = new ObservedLoadBalancer(['a:1', 'b:1'])
    const first = await observed.lb.acquire('users')
    const other = await observed.lb.acquire('users')
    const second = await observed.lb.acquire('users')
    expect([first.instance.id, second.instance.id]).toEqual(['a:1', 'a:1'])
    observed.discovery.set('users', ['b:1', 'c:1'])
    expect(observed.states).toEqual({ 'a:1': 'draining', 'b:1': 'available', 'c:1': 'available' })
    expect(observed.lb.inspect('users')).toMatchObject({
      inFlight: 3,
      instances: [{ inFlight: 2, reason: 'removed from the list; requests in flight finish' }, {}, {}],
    })
    expect(picks(observed, 100)).not.toHaveProperty('a:1')
    first.done(ok)
    expect(observed.states['a:1']).toBe('draining')
    expect(observed.eventsOf('instance-drained')).toEqual([])
    second.done(ok)
    other.done(ok)
    expect(observed.states).toEqual({ 'b:1': 'available', 'c:1': 'available' })
    expect(observed.eventsOf('instance-drained')).toMatchObject([{ service: 'users', instance: { id: 'a:1' } }])
    expect(observed.inFlight).toBe(0)
  })

  it('is forgotten at once when it has nothing in flight', async () => {
    const observed = new ObservedLoadBalancer(['a:1', 'b:1'])
    observed.lb.pick('users')
    observed.discovery.set('users', ['b:1'])
    expect(observed.states).toEqual({ 'b:1': 'available' })
    expect(observed.eventsOf('instance-drained')).toEqual([])
  })

  it('that comes back while it drains has its requests in flight again, and stays', async () => {
    const observed = new ObservedLoadBalancer(['a:1', 'b:1'])
    const picked = await observed.lb.acquire('users')
    observed.discovery.set('users', ['b:1'])
    await observed.clock.advance(1_000)
    observed.discovery.set('users', ['b:1', weighted('a', 1)])
    expect(observed.states).toEqual({ 'a:1': 'available', 'b:1': 'available' })
    expect(observed.lb.inspect('users').instances[0]).toMatchObject({ instance: { id: 'a:1' }, inFlight: 1, forMs: 0 })
    expect(Object.keys(picks(observed, 10)).sort()).toEqual(['a:1', 'b:1'])
    picked.done(ok)
    expect(observed.states).toEqual({ 'a:1': 'available', 'b:1': 'available' })
    expect(observed.lb.inspect('users').instances[0]).toMatchObject({ inFlight: 0, succeeded: 1 })
    expect(observed.eventsOf('instance-drained')).toEqual([])
  })

  it('drains although its whole list went away', async () => {
    const observed = new ObservedLoadBalancer(['a:1'], { emptyGraceMs: 0 })
    const picked = await observed.lb.acquire('users')
    observed.discovery.set('users', [])
    expect(observed.states).toEqual({ 'a:1': 'draining' })
    expect(() => observed.lb.pick('users')).toThrow('users: no available instance (0 known; list 0 s old')
    picked.done(ok)
    expect(observed.states).toEqual({})
  })
})

describe('a survivor of an update', () => {
  it('keeps its requests in flight, its counts, its state and its turn', async () => {
    const observed = new ObservedLoadBalancer(['a:1', 'b:1', 'c:1'])
    const picked = await observed.lb.acquire('users')
    await observed.lb.execute('users', () => 1)
    await observed.clock.advance(5_000)
    observed.discovery.set('users', [weighted('b', 1), 'd:1', 'c:1', 'a:1'])
    expect(observed.lb.inspect('users').instances).toMatchObject([
      { instance: { id: 'a:1' }, inFlight: 1, succeeded: 0, forMs: 5_000 },
      { instance: { id: 'b:1' }, inFlight: 0, succeeded: 1, forMs: 5_000 },
      { instance: { id: 'c:1' }, forMs: 5_000 },
      { instance: { id: 'd:1' }, inFlight: 0, succeeded: 0, failed: 0, forMs: 0 },
    ])
    expect(observed.lb.pick('users').id).toBe('c:1')
    picked.done(ok)
    expect(observed.inFlight).toBe(0)
  })

  it('shows its new fields', () => {
    const observed = new ObservedLoadBalancer(['a:1'])
    observed.lb.pick('users')
    observed.discovery.set('users', [{ host: 'a', port: 1, zone: 'eu' }])
    expect(observed.lb.pick('users').zone).toBe('eu')
    expect(observed.lb.inspect('users').instances).toMatchObject([{ instance: { zone: 'eu' } }])
  })

  it('is not disturbed by an identical list', () => {
    const observed = new ObservedLoadBalancer(['a:1', 'b:1', 'c:1'])
    expect(observed.lb.pick('users').id).toBe('a:1')
    const told = observed.events.length
    observed.discovery.set('users', ['c:1', 'b:1', 'a:1'])
    expect([observed.lb.pick('users').id, observed.lb.pick('users').id]).toEqual(['b:1', 'c:1'])
    expect(observed.events).toHaveLength(told)
  })
})

describe('eligibility', () => {
  // 3 of 4 instances of the first priority are healthy: 1.4 × 75 % is enough for all of the traffic.
  const list: ServiceInstanceInit[] = [
    { host: 'a', port: 1, priority: 0 },
    { host: 'a', port: 2, priority: 0 },
    { host: 'a', port: 3, priority: 0 },
    { host: 'b', port: 1, priority: 1 },
    { host: 'c', port: 1, priority: 0, healthy: false },
    { host: 'd', port: 1, priority: 0, weight: 0 },
  ]

  it('keeps standby, unhealthy and drained instances out of the picks, and says why', () => {
    const observed = new ObservedLoadBalancer(list)
    expect(picks(observed, 30)).toEqual({ 'a:1': 10, 'a:2': 10, 'a:3': 10 })
    expect(observed.states).toMatchObject({
      'a:1': 'available',
      'b:1': 'standby',
      'c:1': 'unhealthy',
      'd:1': 'drained',
    })
    expect(observed.lb.inspect('users').instances.map(({ reason }) => reason)).toEqual([
      'may be picked',
      'may be picked',
      'may be picked',
      'a lower priority number is in use',
      'the registry says it is unhealthy',
      'its weight is 0',
    ])
  })

  it('turns to the standby when nobody of the first priority is usable, and back', () => {
    const observed = new ObservedLoadBalancer(list)
    observed.lb.pick('users')
    observed.discovery.set('users', list.slice(3))
    expect(picks(observed, 5)).toEqual({ 'b:1': 5 })
    expect(observed.states['b:1']).toBe('available')
    observed.discovery.set('users', list)
    expect(picks(observed, 6)).toEqual({ 'a:1': 2, 'a:2': 2, 'a:3': 2 })
    expect(observed.states['b:1']).toBe('standby')
  })

  it('says how long an instance has been in its state', async () => {
    const observed = new ObservedLoadBalancer(['a:1', 'b:1'])
    observed.lb.pick('users')
    await observed.clock.advance(2_000)
    observed.discovery.set('users', [weighted('a', 0), 'b:1'])
    await observed.clock.advance(3_000)
    expect(observed.lb.inspect('users').instances).toMatchObject([
      { state: 'drained', forMs: 3_000 },
      { state: 'available', forMs: 5_000 },
    ])
  })

  it('lets requests in flight on an instance that is being drained finish', async () => {
    const observed = new ObservedLoadBalancer(['a:1', 'b:1'])
    const picked = await observed.lb.acquire('users')
    observed.discovery.set('users', [weighted('a', 0), 'b:1'])
    expect(observed.lb.inspect('users').instances[0]).toMatchObject({ state: 'drained', inFlight: 1 })
    picked.done(ok)
    expect(observed.states).toEqual({ 'a:1': 'drained', 'b:1': 'available' })
  })
})

describe('a service without an available instance', () => {
  it('says how many are known, in which states, how old the list is and where it is from', async () => {
    const list = [
      { host: 'a', port: 1, healthy: false },
      { host: 'b', port: 1, healthy: false },
      { host: 'c', port: 1, healthy: false },
      weighted('d', 0),
      weighted('e', 0),
    ]
    const observed = new ObservedLoadBalancer(list, { panic: false })
    await observed.lb.ready('users')
    await observed.clock.advance(12_400)
    const expected = {
      code: 'LB_NO_AVAILABLE_INSTANCE',
      service: 'users',
      message: 'users: no available instance (5 known: 3 unhealthy, 2 drained; list 12 s old from StaticDiscovery)',
    }
    expect(() => observed.lb.pick('users')).toThrow(expect.objectContaining(expected))
    await expect(observed.lb.acquire('users')).rejects.toMatchObject(expected)
    await expect(observed.lb.execute('users', () => 1)).rejects.toMatchObject(expected)
    expect([observed.inFlight, observed.clock.pendingTimers]).toEqual([0, 0])
  })

  it('says when none is known, and when the list is a stale or an expired one', async () => {
    const clock = new FakeClock()
    const discovery = new FakeWatchDiscovery([])
    const lb = new LoadBalancer({ discovery, clock, services: { users: { maxStaleMs: 60_000 } } })
    expect(() => lb.pick('users')).toThrow(
      'users: no available instance (0 known; list 0 s old from FakeWatchDiscovery). ' +
        'Is the name right, and is the service registered?',
    )
    discovery.push([weighted('a', 0)])
    const down = new Error('down')
    discovery.fail(down)
    await clock.advance(30_000)
    expect(() => lb.pick('users')).toThrow(
      expect.objectContaining({
        message: 'users: no available instance (1 known: 1 drained; list 30 s old from FakeWatchDiscovery)',
        cause: down,
      }),
    )
    await clock.advance(40_000)
    expect(() => lb.pick('users')).toThrow(
      'users: no available instance (0 known; expired list 70 s old from FakeWatchDiscovery)',
    )
  })
})

describe('inspect', () => {
  it('follows the discovery from unused to expired and back', async () => {
    const clock = new FakeClock()
    const discovery = new FakeWatchDiscovery()
    const lb = new LoadBalancer({ discovery, clock, services: { users: { maxStaleMs: 60_000 } } })
    const status = (): string => lb.inspect('users').status
    expect([status(), discovery.watchers]).toEqual(['unused', 0])
    const ready = lb.ready('users')
    expect([status(), discovery.watchers]).toEqual(['waiting', 1])
    discovery.push(['a:1'])
    await ready
    expect(status()).toBe('fresh')
    expect(lb.inspect('users')).not.toHaveProperty('discoveryError')
    discovery.fail(new Error('down'))
    expect(lb.inspect('users')).toMatchObject({ status: 'stale', discoveryError: 'users: the discovery failed: down' })
    expect(lb.pick('users').id).toBe('a:1')
    await clock.advance(60_000)
    expect(lb.inspect('users')).toMatchObject({ status: 'expired', listAgeMs: 60_000, instances: [] })
    discovery.push(['a:1'])
    expect(status()).toBe('fresh')
  })

  it('gives every service, or one, as plain data', () => {
    const observed = new ObservedLoadBalancer(['a:1'])
    observed.lb.pick('users')
    const snapshot = observed.lb.inspect('users')
    expect(observed.lb.inspect()).toEqual([snapshot])
    expect(JSON.parse(JSON.stringify(snapshot))).toEqual({
      service: 'users',
      status: 'fresh',
      discovery: 'StaticDiscovery',
      balancer: 'RoundRobinBalancer',
      listAgeMs: 0,
      inFlight: 0,
      queued: 0,
      overrides: [],
      retryBudget: 100,
      instances: [
        {
          instance: { id: 'a:1', host: 'a', port: 1, weight: 1, priority: 0, secure: false, metadata: {} },
          state: 'available',
          reason: 'may be picked',
          forMs: 0,
          candidate: true,
          effectiveWeight: 1,
          ejections: 0,
          inFlight: 0,
          succeeded: 0,
          failed: 0,
        },
      ],
    })
  })

  it('is a snapshot: it does not change afterwards', async () => {
    const observed = new ObservedLoadBalancer(['a:1'])
    observed.lb.pick('users')
    const before = observed.lb.inspect('users')
    await observed.lb.acquire('users')
    observed.discovery.set('users', ['b:1'])
    expect(before).toMatchObject({ inFlight: 0, instances: [{ instance: { id: 'a:1' }, inFlight: 0 }] })
  })

  it('of a name that nobody used asks nobody and remembers nothing', () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const lb = new LoadBalancer({ discovery, clock: new FakeClock() })
    expect(lb.inspect('users')).toMatchObject({ service: 'users', status: 'unused', instances: [] })
    expect([lb.inspect(), discovery.watchers, discovery.asked]).toEqual([[], 0, 0])
  })

  it.each<Partial<LoadBalancerOptions>>([
    {},
    { retry: { budget: false } },
    { retry: false, outlierDetection: false, panic: false },
    { maxInFlight: 5, maxInFlightPerInstance: 2, queue: {}, throttle: {}, hedge: {} },
    { slowStart: {}, balancer: 'peak-ewma', loadReports: {}, zone: 'a', healthCheck: {} },
    { maxStaleMs: Number.POSITIVE_INFINITY, timeoutMs: Number.POSITIVE_INFINITY, subset: { size: 1, clientId: 'x' } },
  ])('loses nothing as JSON, with %o', async (options) => {
    const observed = new ObservedLoadBalancer(['a:1', { host: 'b', port: 1, zone: 'a', metadata: { x: 'y' } }], options)
    for (const use of ['unused', 'used']) {
      const snapshot = observed.lb.inspect('users')
      expect(lossy(snapshot, use)).toEqual([])
      await observed.settle(
        observed.lb.execute('users', () => 1),
        100,
      )
    }
    await observed.lb.close()
  })

  it('shows no budget when there is none', () => {
    const observed = new ObservedLoadBalancer(['a:1'], { retry: { budget: false } })
    expect(observed.lb.inspect('users')).not.toHaveProperty('retryBudget')
  })
})

/** Where `value` holds what JSON does not know: it would be `null`, `{}` or missing. */
function lossy(value: unknown, path: string): string[] {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)) return []
  if (typeof value !== 'object') return [`${path}: a ${typeof value}`]
  const prototype: unknown = Object.getPrototypeOf(value)
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return [`${path}: no plain object`]
  return Object.entries(value).flatMap(([key, each]) => lossy(each, `${path}.${key}`))
}
