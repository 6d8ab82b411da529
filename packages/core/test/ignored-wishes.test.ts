import { describe, expect, it } from 'vitest'
import { LoadBalancer, RingHashBalancer, RoundRobinBalancer, StaticDiscovery } from '../src/index.ts'
import { ObservedLoadBalancer } from './observed-load-balancer.ts'

describe('a hash key', () => {
  it.each([
    ['round-robin', false],
    ['smooth-weighted-round-robin', false],
    ['least-request', false],
    ['peak-ewma', false],
    ['random', false],
    ['ring-hash', true],
    ['maglev', true],
  ] as const)('with %s is heeded: %s, or one event says that it is not', async (balancer, isHeeded) => {
    const observed = new ObservedLoadBalancer(['a:1', 'b:1'], { balancer })
    expect(observed.lb.heedsHashKey('users')).toBe(isHeeded)
    observed.lb.pick('users')
    expect(observed.eventsOf('hash-key-ignored')).toEqual([])
    for (let request = 0; request < 3; request++) {
      observed.lb.pick('users', { hashKey: 'x' })
      await observed.settle(
        observed.lb.execute('users', () => 1, { hashKey: 'x' }),
        10,
      )
    }
    const events = observed.eventsOf('hash-key-ignored')
    expect(events).toHaveLength(isHeeded ? 0 : 1)
    if (!isHeeded)
      expect(events[0]).toMatchObject({ service: 'users', balancer: observed.lb.inspect('users').balancer })
  })

  it('is left to a balancer of the application that does not say', () => {
    const balancer = (): { update(): void; pick(): undefined } => ({ update: () => {}, pick: () => undefined })
    const observed = new ObservedLoadBalancer(['a:1'], { balancer })
    expect(observed.lb.heedsHashKey('users')).toBeUndefined()
    expect(() => observed.lb.pick('users', { hashKey: 'x' })).toThrow('no available instance')
    expect(observed.eventsOf('hash-key-ignored')).toEqual([])
  })

  it('is known of a balancer that a function gives, and of a name that nobody used', () => {
    const discovery = new StaticDiscovery()
    expect(new LoadBalancer({ discovery, balancer: () => new RingHashBalancer() }).heedsHashKey('x')).toBe(true)
    expect(new LoadBalancer({ discovery }).heedsHashKey('x')).toBe(false)
  })
})

describe('weights that differ', () => {
  const weighted = [
    { host: 'a', port: 1, weight: 3 },
    { host: 'b', port: 1 },
  ]

  it.each([
    ['round-robin', 'round-robin' as const],
    ['a function that gives round robin', () => new RoundRobinBalancer()],
  ])('are ignored by %s, which one event says', (_name, balancer) => {
    const observed = new ObservedLoadBalancer(weighted, { balancer })
    const events = (): number => observed.eventsOf('weights-ignored').length
    observed.lb.pick('users')
    expect(observed.eventsOf('weights-ignored')).toMatchObject([{ service: 'users', balancer: 'RoundRobinBalancer' }])
    observed.discovery.set('users', [...weighted, 'c:1'])
    expect(events()).toBe(1)
    observed.discovery.set('users', ['a:1', { host: 'b', port: 1, weight: 0 }])
    expect(events()).toBe(1)
    observed.discovery.set('users', weighted)
    expect(events()).toBe(2)
  })

  it.each([undefined, 'smooth-weighted-round-robin', 'least-request', 'ring-hash'] as const)(
    'are heeded by %s, without an event',
    (balancer) => {
      const observed = new ObservedLoadBalancer(weighted, { balancer })
      observed.lb.pick('users')
      expect(observed.eventsOf('weights-ignored')).toEqual([])
    },
  )
})

describe('a name that the discovery does not know', () => {
  const discovery = { getInstances: async (service: string) => (service === 'users' ? ['a:1'] : []) }

  it('is said to be unknown once that is known, not to be awaited', async () => {
    const lb = new LoadBalancer({ discovery })
    expect(() => lb.pick('nope')).toThrow('await ready("nope") first')
    await lb.ready('nope')
    for (let pick = 0; pick < 3; pick++) {
      expect(() => lb.pick('nope')).toThrow(
        'nope: no available instance (a custom object knew none when it was asked last; is the name right',
      )
      await lb.ready('nope')
    }
    expect(() => lb.pick('users')).toThrow('await ready("users") first')
    await lb.close()
  })
})
