import { FakeClock, FakeDiscovery, FakeWatchDiscovery, settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import {
  DiscoveryError,
  LoadBalancer,
  type LoadBalancerEvent,
  type LoadBalancerOptions,
  NoAvailableInstanceError,
  type ServiceDiscovery,
  type ServiceInstanceInit,
  StaticDiscovery,
} from '../src/index.ts'

/** A load balancer that nothing is configured for. */
function unconfigured(
  discovery: ServiceDiscovery,
  options: Partial<LoadBalancerOptions> = {},
): { lb: LoadBalancer; clock: FakeClock; released: () => string[] } {
  const clock = new FakeClock()
  const lb = new LoadBalancer({ discovery, clock, random: () => 0, ...options })
  const events: LoadBalancerEvent[] = []
  lb.subscribe((event) => events.push(event))
  return {
    lb,
    clock,
    released: () => events.flatMap((event) => (event.type === 'service-released' ? [event.service] : [])),
  }
}

/** Counts watches; knows `known` only. */
class CountingDiscovery implements ServiceDiscovery {
  readonly watched = new Map<string, number>()
  readonly known = new StaticDiscovery({ known: ['a:1'] })

  get watches(): number {
    return Array.from(this.watched.values()).reduce((sum, count) => sum + count, 0)
  }

  getInstances(service: string): Promise<readonly ServiceInstanceInit[]> {
    return this.known.getInstances(service)
  }

  watch(...[service, observer]: Parameters<StaticDiscovery['watch']>): ReturnType<StaticDiscovery['watch']> {
    const subscription = this.known.watch(service, observer)
    this.watched.set(service, (this.watched.get(service) ?? 0) + 1)
    return {
      close: () => {
        subscription.close()
        this.watched.set(service, (this.watched.get(service) ?? 0) - 1)
      },
    }
  }
}

describe('a service that nobody configured', () => {
  it('works like any other when the discovery knows it, and is kept', async () => {
    const discovery = new CountingDiscovery()
    const { lb, clock, released } = unconfigured(discovery)
    expect(lb.pick('known').id).toBe('a:1')
    await clock.advance(60_000)
    expect(lb.inspect()).toMatchObject([{ service: 'known', status: 'fresh' }])
    expect([discovery.watches, released(), clock.pendingTimers]).toEqual([1, [], 0])
  })

  it('leaves no watch, timer or entry behind when the discovery has no instance of it', async () => {
    const discovery = new CountingDiscovery()
    const { lb, clock, released } = unconfigured(discovery)
    expect(() => lb.pick('x')).toThrow('x: no available instance (0 known; list 0 s old from a custom object)')
    await lb.ready('y')
    await expect(lb.acquire('z')).rejects.toBeInstanceOf(NoAvailableInstanceError)
    await expect(lb.execute('w', () => 1)).rejects.toBeInstanceOf(NoAvailableInstanceError)
    await settlePromises()
    expect([lb.inspect(), discovery.watches, clock.pendingTimers]).toEqual([[], 0, 0])
    expect(released().sort()).toEqual(['w', 'x', 'y', 'z'])
  })

  it('leaves nothing behind when the discovery is polled and has no instance of it', async () => {
    const discovery = new FakeDiscovery('wait')
    const { lb, clock, released } = unconfigured(discovery)
    const calls = Promise.allSettled([lb.ready('x'), lb.acquire('x'), lb.execute('x', () => 1)])
    await settlePromises()
    discovery.release([])
    expect(await calls).toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: { code: 'LB_NO_AVAILABLE_INSTANCE' } },
      { status: 'rejected', reason: { code: 'LB_NO_AVAILABLE_INSTANCE' } },
    ])
    await clock.advance(60_000)
    expect([lb.inspect(), discovery.asked, clock.pendingTimers, released()]).toEqual([[], 1, 0, ['x']])
  })

  it('leaves nothing behind when the discovery gives no list in time, which callers are told', async () => {
    for (const discovery of [new FakeDiscovery('wait'), new FakeDiscovery(new Error('unknown'))]) {
      const { lb, clock, released } = unconfigured(discovery)
      const calls = Promise.allSettled([lb.ready('x'), lb.acquire('x')])
      expect(() => lb.pick('x')).toThrow(NoAvailableInstanceError)
      await clock.advance(4_999)
      expect(released()).toEqual([])
      await clock.advance(1)
      for (const result of await calls) {
        expect(result).toMatchObject({ status: 'rejected', reason: { code: 'LB_DISCOVERY', service: 'x' } })
        expect(result.status === 'rejected' && result.reason instanceof DiscoveryError).toBe(true)
      }
      const { asked } = discovery
      await clock.advance(100_000)
      expect([lb.inspect(), discovery.asked, discovery.open, clock.pendingTimers, released()]).toEqual([
        [],
        asked,
        0,
        0,
        ['x'],
      ])
    }
  })

  it('leaves nothing behind however many names are tried', async () => {
    const discovery = new CountingDiscovery()
    const { lb, clock } = unconfigured(discovery)
    for (let index = 0; index < 2_000; index++) {
      expect(() => lb.pick(`x${index}`)).toThrow(NoAvailableInstanceError)
      if (index % 100 === 0) await settlePromises()
    }
    await settlePromises()
    expect([lb.inspect(), discovery.watches, clock.pendingTimers]).toEqual([[], 0, 0])
  })

  it('is asked for again after it was forgotten', async () => {
    const discovery = new CountingDiscovery()
    const { lb } = unconfigured(discovery)
    expect(() => lb.pick('later')).toThrow(NoAvailableInstanceError)
    await settlePromises()
    discovery.known.set('later', ['b:1'])
    expect(lb.pick('later').id).toBe('b:1')
    await settlePromises()
    expect(lb.inspect('later').status).toBe('fresh')
  })

  it('stays known when all its instances went away, so that no call asks the registry', async () => {
    const discovery = new CountingDiscovery()
    const { lb, clock, released } = unconfigured(discovery, { emptyGraceMs: 5_000 })
    expect(lb.pick('known').id).toBe('a:1')
    discovery.known.set('known', [])
    await clock.advance(5_000)
    expect(() => lb.pick('known')).toThrow(NoAvailableInstanceError)
    expect(() => lb.pick('known')).toThrow(NoAvailableInstanceError)
    expect([lb.inspect().length, discovery.watches, released()]).toEqual([1, 1, []])
    discovery.known.set('known', ['b:1'])
    expect(lb.pick('known').id).toBe('b:1')
    await lb.close()
    expect([discovery.watches, clock.pendingTimers]).toEqual([0, 0])
  })

  it('stays known when its list expired: the discovery failed, it did not deny it', async () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const { lb, clock, released } = unconfigured(discovery, { maxStaleMs: 10_000 })
    lb.pick('users')
    discovery.fail(new Error('down'))
    await clock.advance(20_000)
    expect(lb.inspect()).toMatchObject([{ service: 'users', status: 'expired' }])
    expect([discovery.watchers, released()]).toEqual([1, []])
    discovery.push(['a:1'])
    expect(lb.pick('users').id).toBe('a:1')
  })
})

describe('a service that is configured', () => {
  it('is asked for only when it is used', () => {
    const discovery = new CountingDiscovery()
    const { lb } = unconfigured(discovery, { services: { known: {}, x: {} } })
    expect(lb.inspect().map(({ service, status }) => [service, status])).toEqual([
      ['known', 'unused'],
      ['x', 'unused'],
    ])
    expect(discovery.watches).toBe(0)
    lb.pick('known')
    expect([...discovery.watched]).toEqual([['known', 1]])
  })

  it('is watched on, although the discovery has no instance of it', async () => {
    const discovery = new CountingDiscovery()
    const { lb, clock, released } = unconfigured(discovery, { services: { x: {} } })
    expect(() => lb.pick('x')).toThrow(NoAvailableInstanceError)
    await clock.advance(60_000)
    expect([discovery.watches, released()]).toEqual([1, []])
    discovery.known.set('x', ['b:1'])
    expect(lb.pick('x').id).toBe('b:1')
  })

  it('is asked for on, although the discovery gave no list in time', async () => {
    const discovery = new FakeDiscovery(new Error('down'))
    const { lb, clock, released } = unconfigured(discovery, { services: { x: {} } })
    const ready = Promise.allSettled([lb.ready('x')])
    await clock.advance(20_000)
    expect(await ready).toMatchObject([{ reason: { code: 'LB_DISCOVERY' } }])
    discovery.answer = ['a:1']
    await clock.advance(30_000)
    expect([lb.pick('x').id, released()]).toEqual(['a:1', []])
  })

  it('may be named like a property of every object', () => {
    const services = JSON.parse('{"__proto__":{},"constructor":{}}') as Record<string, object>
    const discovery = new StaticDiscovery()
    for (const name of ['__proto__', 'constructor', 'toString']) discovery.set(name, [`${name.replaceAll('_', '')}:1`])
    const { lb } = unconfigured(discovery, { services })
    expect([...lb.configuredServices]).toEqual(['__proto__', 'constructor'])
    for (const name of ['__proto__', 'constructor', 'toString']) expect(lb.pick(name).port).toBe(1)
  })
})

describe('maxServices', () => {
  const discovery = (): StaticDiscovery =>
    new StaticDiscovery({ configured: ['c:1'], a: ['a:1'], b: ['b:1'], c: ['c:1'], d: ['d:1'] })

  it('forgets an idle service that nobody configured for a new one', () => {
    const { lb, released } = unconfigured(discovery(), { maxServices: 3, services: { configured: {} } })
    for (const service of ['configured', 'a', 'b', 'c', 'd']) lb.pick(service)
    expect(lb.inspect()).toHaveLength(3)
    expect(lb.inspect().map(({ service }) => service)).toContain('configured')
    expect(released()).toEqual(['a', 'b'])
  })

  it('keeps a service with requests in flight', async () => {
    const { lb, released } = unconfigured(discovery(), { maxServices: 2 })
    const picked = await lb.acquire('a')
    lb.pick('b')
    lb.pick('c')
    expect(released()).toEqual(['b'])
    picked.done({ ok: true, latencyMs: 1 })
    lb.pick('d')
    expect(released()).toEqual(['b', 'a'])
  })

  it('keeps a service that a call waits for', async () => {
    const waiting = new FakeDiscovery('wait')
    const { lb } = unconfigured(waiting, { maxServices: 1 })
    const ready = lb.ready('a')
    expect(() => lb.pick('b')).toThrow(NoAvailableInstanceError)
    waiting.release(['a:1'])
    await ready
    expect(lb.pick('a').id).toBe('a:1')
  })

  it('refuses a new service when none can be forgotten, and says why', async () => {
    const { lb } = unconfigured(discovery(), { maxServices: 1, services: { configured: {} } })
    const expected = {
      code: 'LB_NO_AVAILABLE_INSTANCE',
      service: 'a',
      message: 'a: no available instance (1 service in use, which is maxServices; raise it, or configure the service)',
    }
    expect(() => lb.pick('a')).toThrow(expect.objectContaining(expected))
    await expect(lb.ready('a')).rejects.toMatchObject(expected)
    expect(lb.pick('configured').id).toBe('c:1')
    expect(lb.inspect()).toHaveLength(1)
  })

  it('bounds what hostile names can use up while the discovery does not answer', async () => {
    const silent = new FakeDiscovery('wait')
    const { lb, clock } = unconfigured(silent, { maxServices: 50 })
    for (let index = 0; index < 1_000; index++) expect(() => lb.pick(`x${index}`)).toThrow(NoAvailableInstanceError)
    expect([lb.inspect().length, silent.open]).toEqual([50, 50])
    await clock.advance(5_000)
    expect([lb.inspect().length, silent.open, clock.pendingTimers]).toEqual([0, 0, 0])
  })
})
