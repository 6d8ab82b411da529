import { FakeClock, FakeDiscovery, FakeWatchDiscovery, seededRandom, settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { observedCache } from '../../test/observed-cache.ts'
import { InvalidInstanceError, LoadBalancerClosedError } from '../base/errors.ts'
import type { DiscoveryObserver, ServiceDiscovery } from '../discovery/discovery.ts'
import type { ServiceInstanceInit } from '../instance/instance.ts'

/** What code without types can answer. */
function untyped(answer: unknown): readonly ServiceInstanceInit[] {
  return answer as readonly ServiceInstanceInit[]
}

describe('the first list', () => {
  it('is waited for, then told once to everybody who waits', async () => {
    const discovery = new FakeDiscovery('wait')
    const { cache, ids, changes } = observedCache(discovery)
    let told = 0
    for (let caller = 0; caller < 100; caller++) cache.onFirstList(() => told++)
    await settlePromises()
    expect(cache.state).toEqual({ kind: 'waiting', sinceMs: 1_000_000 })
    expect([told, ids()]).toEqual([0, []])
    discovery.release(['a:1', 'b:1'])
    await settlePromises()
    expect(cache.state.kind).toBe('fresh')
    expect([told, ids()]).toEqual([100, ['a:1', 'b:1']])
    expect(changes).toMatchObject([{ added: [{ id: 'a:1' }, { id: 'b:1' }], removed: [], updated: [] }])
    cache.onFirstList(() => told++)
    expect(told).toBe(101)
  })

  it('is told when it is empty, too', async () => {
    const { cache, changes, clock, types } = observedCache(new FakeDiscovery([]))
    let told = 0
    cache.onFirstList(() => told++)
    await clock.advance(0)
    expect(cache.state.kind).toBe('fresh')
    expect(changes).toEqual([{ instances: [], added: [], removed: [], updated: [] }])
    expect(told).toBe(1)
    expect(types()).toEqual([])
  })

  it('is not told to somebody who gave up waiting', async () => {
    const discovery = new FakeDiscovery('wait')
    const { cache } = observedCache(discovery)
    let told = 0
    cache.onFirstList(() => told++)()
    discovery.release(['a:1'])
    await settlePromises()
    expect(told).toBe(0)
  })

  it('comes from a discovery that pushes before watch returns', () => {
    const { ids, cache } = observedCache(new FakeWatchDiscovery(['a:1']))
    expect(ids()).toEqual(['a:1'])
    expect(cache.state.kind).toBe('fresh')
  })
})

describe('questions to a discovery that is polled', () => {
  it('are asked one at a time, whoever waits and however often the list is read', async () => {
    const discovery = new FakeDiscovery('wait')
    const { cache, clock } = observedCache(discovery)
    for (let caller = 0; caller < 1_000; caller++) {
      cache.onFirstList(() => {})
      expect(cache.instances).toEqual([])
    }
    await clock.advance(9_999)
    expect([discovery.asked, discovery.open]).toEqual([1, 1])
    discovery.release(['a:1'])
    await clock.advance(9_999)
    for (let read = 0; read < 1_000; read++) expect(cache.instances).toHaveLength(1)
    expect(discovery.asked).toBe(1)
    await clock.advance(1)
    expect([discovery.asked, discovery.open]).toEqual([2, 1])
  })

  it('are jittered: never later than the interval, and spread', async () => {
    const clock = new FakeClock(0)
    const askedAtMs: number[] = []
    const discovery: ServiceDiscovery = {
      getInstances: async () => {
        askedAtMs.push(clock.now())
        return ['a:1']
      },
    }
    observedCache(discovery, { clock, random: seededRandom(3), refreshIntervalMs: 1_000 })
    await clock.advance(60_000)
    const delays = askedAtMs.slice(1).map((at, index) => at - (askedAtMs[index] as number))
    expect(Math.max(...delays)).toBeLessThanOrEqual(1_000)
    expect(Math.min(...delays)).toBeGreaterThan(500)
    expect(new Set(delays.map(Math.round)).size).toBeGreaterThan(30)
  })

  it('keep no process alive', async () => {
    const { clock } = observedCache(new FakeDiscovery(['a:1']), { maxStaleMs: 5_000, emptyGraceMs: 5_000 })
    await clock.advance(25_000)
    expect(clock.pendingTimers).toBeGreaterThan(0)
    expect(clock.pendingForegroundTimers).toBe(0)
  })
})

describe('a changed list', () => {
  it('keeps survivors where and what they are, and appends newcomers', () => {
    const discovery = new FakeWatchDiscovery(['a:1', 'b:1', 'c:1'])
    const { cache, ids, changes } = observedCache(discovery)
    const [, , before] = cache.instances
    discovery.push(['d:1', 'c:1', { host: 'a', port: 1, weight: 2 }])
    expect(ids()).toEqual(['a:1', 'c:1', 'd:1'])
    expect(cache.instances[1]).toBe(before)
    expect(changes[1]).toMatchObject({
      added: [{ id: 'd:1' }],
      removed: [{ id: 'b:1' }],
      updated: [{ id: 'a:1', weight: 2 }],
    })
  })

  it('is told as an event with the number of instances', () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const { events } = observedCache(discovery)
    discovery.push(['a:1', 'b:1'])
    expect(events.at(-1)).toMatchObject({
      type: 'instances-changed',
      service: 'users',
      added: [{ id: 'b:1' }],
      removed: [],
      updated: [],
      total: 2,
    })
  })

  it('is another array: the one that was read before stays as it was', () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const { cache } = observedCache(discovery)
    const before = cache.instances
    discovery.push(['b:1'])
    expect(before).toMatchObject([{ id: 'a:1' }])
    expect(cache.instances).not.toBe(before)
  })

  it('changes nothing when only the order differs', () => {
    const discovery = new FakeWatchDiscovery(['a:1', 'b:1', 'c:1'])
    const { cache, changes, events } = observedCache(discovery)
    const before = cache.instances
    const toldBefore = events.length
    discovery.push(['c:1', 'a:1', 'b:1'])
    discovery.push(['b:1', 'c:1', 'a:1'])
    expect(cache.instances).toBe(before)
    expect([changes.length, events.length]).toEqual([1, toldBefore])
  })

  it('leaves out a bad instance and a repeated id, each with an event that names the field', () => {
    const { ids, events } = observedCache(
      new FakeWatchDiscovery(['a:1', { host: 'b', port: 0 }, { host: 'c', port: 1, id: 'a:1' }, 'd:1']),
    )
    expect(ids()).toEqual(['a:1', 'd:1'])
    expect(events.filter(({ type }) => type === 'instance-rejected')).toMatchObject([
      { service: 'users', error: { code: 'LB_INVALID_INSTANCE', field: 'port' } },
      { service: 'users', error: { code: 'LB_INVALID_INSTANCE', field: 'id' } },
    ])
  })

  it('emits what the discovery rejected, ten at most with what it rejects itself, and keeps the rest of the list', () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const { ids, events } = observedCache(discovery)
    const rejected = Array.from(
      { length: 20 },
      (_, index) => new InvalidInstanceError('value', `key ${index}: not JSON`),
    )
    discovery.push(['a:1', 'b:1', 'nonsense'], rejected)
    expect(ids()).toEqual(['a:1', 'b:1'])
    const emitted = events.filter((event) => event.type === 'instance-rejected').map(({ error }) => error.message)
    expect(emitted).toHaveLength(10)
    expect(emitted.slice(1)).toEqual(rejected.slice(0, 9).map(({ message }) => message))
    expect(events.find((event) => event.type === 'instance-rejected')).toMatchObject({ error: { service: 'users' } })
  })

  it('keeps a good list when nothing is left of a new one', () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const { ids, events } = observedCache(discovery)
    discovery.push([], [new InvalidInstanceError('value', 'key b: not JSON')])
    expect(ids()).toEqual(['a:1'])
    expect(events.at(-1)).toMatchObject({
      type: 'discovery-failed',
      error: { message: 'users: no instance is usable. key b: not JSON' },
    })
  })

  it('is as old as the last answer', async () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const { cache, clock } = observedCache(discovery)
    await clock.advance(7_000)
    expect(cache.ageMs).toBe(7_000)
    discovery.push(['a:1'])
    expect(cache.ageMs).toBe(0)
    await clock.advance(2_000)
    discovery.fail(new Error('down'))
    expect(cache.ageMs).toBe(2_000)
  })
})

describe('a discovery that pushes', () => {
  it('is watched once and never asked', async () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const { clock } = observedCache(discovery)
    await clock.advance(100_000)
    expect([discovery.watchers, discovery.asked, clock.pendingTimers]).toEqual([1, 0, 0])
  })

  it('is watched again, with backoff, when watch throws', async () => {
    const clock = new FakeClock(0)
    const watchedAtMs: number[] = []
    const working = new FakeWatchDiscovery(['a:1'])
    const discovery: ServiceDiscovery = {
      getInstances: () => Promise.resolve([]),
      watch: (service, observer) => {
        watchedAtMs.push(clock.now())
        if (watchedAtMs.length < 9) throw new Error(`refused ${watchedAtMs.length}`)
        return working.watch(service, observer)
      },
    }
    const { cache, ids, events } = observedCache(discovery, { clock })
    expect(cache.state).toMatchObject({ kind: 'waiting', error: new Error('refused 1') })
    expect(events).toMatchObject([{ type: 'discovery-failed', stale: false }])
    await clock.advance(200_000)
    const delays = watchedAtMs.slice(1).map((at, index) => at - (watchedAtMs[index] as number))
    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
    expect(ids()).toEqual(['a:1'])
    expect([working.watchers, clock.pendingTimers]).toEqual([1, 0])
  })

  it('is watched again sooner by chance, so that clients do not come back together', async () => {
    const clock = new FakeClock(0)
    let watched = 0
    const discovery: ServiceDiscovery = {
      getInstances: () => Promise.resolve([]),
      watch: () => {
        watched++
        throw new Error('refused')
      },
    }
    observedCache(discovery, { clock, random: () => 0.5 })
    await clock.advance(749)
    expect(watched).toBe(1)
    await clock.advance(1)
    expect(watched).toBe(2)
  })
})

describe('close', () => {
  it('ends the poll and every timer, and aborts the open question', async () => {
    const discovery = new FakeDiscovery('wait')
    const { cache, clock } = observedCache(discovery)
    cache.close()
    cache.close()
    expect([clock.pendingTimers, discovery.open]).toEqual([0, 0])
    expect(cache.state.kind).toBe('closed')
    await clock.advance(100_000)
    expect(discovery.asked).toBe(1)
  })

  it('ends the watch', () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const { cache, clock } = observedCache(discovery)
    cache.close()
    expect([discovery.watchers, clock.pendingTimers]).toEqual([0, 0])
  })

  it('ends the timers of a stale list, of a held empty answer and of a watch that throws', async () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const stale = observedCache(discovery, { maxStaleMs: 60_000 })
    discovery.fail(new Error('down'))
    const held = observedCache(new FakeWatchDiscovery(['a:1']), { emptyGraceMs: 5_000 })
    const confirming = new FakeWatchDiscovery(['a:1'])
    const asking = observedCache(confirming)
    confirming.push([])
    const throwing = observedCache({
      getInstances: () => Promise.resolve([]),
      watch: () => {
        throw new Error('refused')
      },
    })
    for (const { cache, clock } of [stale, held, asking, throwing]) {
      cache.close()
      expect(clock.pendingTimers).toBe(0)
    }
    await asking.clock.advance(10_000)
    expect(confirming.asked).toBe(0)
  })

  it('tells who waits that there will be no list, and who comes later', () => {
    const { cache } = observedCache(new FakeDiscovery('wait'))
    const told: unknown[] = []
    cache.onFirstList((error) => told.push(error))
    cache.close()
    cache.onFirstList((error) => told.push(error))
    expect(told).toHaveLength(2)
    for (const error of told) {
      expect(error).toBeInstanceOf(LoadBalancerClosedError)
      expect(error).toMatchObject({ service: 'users', message: 'users: the load balancer was closed' })
    }
  })

  it('drops what a discovery says afterwards', async () => {
    const polled = new FakeDiscovery('wait')
    let observer: DiscoveryObserver | undefined
    const pushing: ServiceDiscovery = {
      getInstances: () => Promise.resolve([]),
      watch: (_service, given) => {
        observer = given
        return { close: () => {} }
      },
    }
    const [first, second] = [observedCache(polled), observedCache(pushing)]
    first.cache.close()
    second.cache.close()
    polled.release(['a:1'])
    observer?.next(['a:1'])
    observer?.error(new Error('late'))
    await settlePromises()
    for (const { cache, changes, events } of [first, second]) {
      expect([cache.state.kind, cache.instances, changes, events]).toEqual(['closed', [], [], []])
    }
  })

  it('goes on, with an event, when closing the watch throws', () => {
    const { cache, events } = observedCache({
      getInstances: () => Promise.resolve([]),
      watch: () => ({
        close: () => {
          throw new Error('stuck')
        },
      }),
    })
    cache.close()
    expect(events).toMatchObject([
      { type: 'discovery-failed', error: { message: 'users: the discovery failed: stuck' } },
    ])
  })

  it('closes a watch that was not returned yet when the first list arrived', () => {
    let closed = 0
    const discovery: ServiceDiscovery = {
      getInstances: () => Promise.resolve([]),
      watch: (_service, observer) => {
        observer.next(['a:1'])
        return { close: () => closed++ }
      },
    }
    const { cache, channel } = observedCache(discovery, {}, { start: false })
    channel.subscribe(() => cache.close())
    cache.start()
    expect(closed).toBe(1)
  })
})

describe('an answer that is no list', () => {
  it.each([
    ['null', null],
    ['undefined', undefined],
    ['a string', 'a:1'],
    ['an object', {}],
    ['a list of nonsense', ['x', null, {}]],
    ['a list of one bad instance', [{ host: 'a', port: 0 }]],
  ])('keeps the good one: %s', async (_, answer) => {
    const polled = new FakeDiscovery(['a:1'])
    const pushing = new FakeWatchDiscovery(['a:1'])
    const [first, second] = [observedCache(polled), observedCache(pushing)]
    await first.clock.advance(0)
    polled.answer = untyped(answer)
    await first.clock.advance(10_000)
    pushing.push(untyped(answer))
    for (const { cache, ids, changes, events } of [first, second]) {
      expect(ids()).toEqual(['a:1'])
      expect(changes).toHaveLength(1)
      expect(cache.state.kind).toBe('stale')
      expect(events.at(-1)).toMatchObject({ type: 'discovery-failed', stale: true, error: { code: 'LB_DISCOVERY' } })
    }
  })
})
