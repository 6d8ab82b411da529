import { FakeClock, FakeDiscovery, FakeWatchDiscovery, settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { observedCache } from '../../test/observed-cache.ts'
import { DiscoveryError } from '../base/errors.ts'
import type { ServiceDiscovery } from '../discovery/discovery.ts'
import { asDiscoveryError } from './list-state.ts'

const down = new Error('down')

describe('a discovery that fails', () => {
  it('leaves the last good list in use, stale since the first failure', async () => {
    const discovery = new FakeDiscovery(['a:1', 'b:1'])
    const { cache, clock, ids, changes } = observedCache(discovery)
    await clock.advance(3_000)
    discovery.answer = down
    await clock.advance(7_000)
    expect(ids()).toEqual(['a:1', 'b:1'])
    expect(cache.state).toEqual({ kind: 'stale', sinceMs: 1_010_000, error: down })
    const later = new Error('still down')
    discovery.answer = later
    await clock.advance(1_000_000)
    expect(ids()).toEqual(['a:1', 'b:1'])
    expect(cache.state).toEqual({ kind: 'stale', sinceMs: 1_010_000, error: later })
    expect(changes).toHaveLength(1)
  })

  it('is told as an event each time, with the cause', async () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const { events } = observedCache(discovery)
    discovery.fail(down)
    discovery.fail(down)
    const failures = events.filter(({ type }) => type === 'discovery-failed')
    expect(failures).toHaveLength(2)
    expect(failures[0]).toMatchObject({
      service: 'users',
      stale: true,
      error: { code: 'LB_DISCOVERY', service: 'users', message: 'users: the discovery failed: down', cause: down },
    })
  })

  it('before the first list leaves the cache waiting, and the reason known', async () => {
    const discovery = new FakeDiscovery(down)
    const { cache, clock, events } = observedCache(discovery)
    let told = 0
    cache.onFirstList(() => told++)
    await clock.advance(500)
    expect(cache.state).toEqual({ kind: 'waiting', sinceMs: 1_000_000, error: down })
    expect(events).toMatchObject([{ type: 'discovery-failed', stale: false }])
    discovery.answer = ['a:1']
    await clock.advance(500)
    expect([cache.state.kind, told]).toEqual(['fresh', 1])
  })

  it('is asked again with exponential backoff, and at the interval once it answers', async () => {
    const clock = new FakeClock(0)
    const askedAtMs: number[] = []
    const discovery: ServiceDiscovery = {
      getInstances: () => {
        askedAtMs.push(clock.now())
        return askedAtMs.length < 9 ? Promise.reject(down) : Promise.resolve(['a:1'])
      },
    }
    observedCache(discovery, { clock })
    await clock.advance(135_000)
    const delays = askedAtMs.slice(1).map((at, index) => at - (askedAtMs[index] as number))
    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 10_000])
  })

  it('is told to have recovered, and for how long it was stale', async () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const { cache, clock, events } = observedCache(discovery)
    discovery.fail(down)
    await clock.advance(4_000)
    discovery.fail(down)
    await clock.advance(3_000)
    discovery.push(['a:1'])
    expect(events.at(-1)).toEqual({ type: 'discovery-recovered', service: 'users', staleForMs: 7_000 })
    expect(cache.state).toEqual({ kind: 'fresh', sinceMs: 1_007_000 })
  })

  it.each<[string, ServiceDiscovery['getInstances']]>([
    [
      'throws synchronously',
      () => {
        throw down
      },
    ],
    ['rejects', () => Promise.reject(down)],
    // What code without types can do.
    ['rejects with a string', () => Promise.reject('down' as unknown as Error)],
    ['answers with no list', () => Promise.resolve('down' as unknown as string[])],
    ['answers with no promise', () => null as unknown as Promise<string[]>],
  ])('keeps the list when it %s', async (_, misbehave) => {
    let answer: ServiceDiscovery['getInstances'] = () => Promise.resolve(['a:1'])
    const { cache, clock, ids, events } = observedCache({ getInstances: (service) => answer(service) })
    await clock.advance(0)
    answer = misbehave
    await clock.advance(10_000)
    expect([ids(), cache.state.kind]).toEqual([['a:1'], 'stale'])
    expect(events.at(-1)).toMatchObject({
      type: 'discovery-failed',
      error: { code: 'LB_DISCOVERY', message: expect.stringMatching(/^users: .*(down|null)/) },
    })
    answer = () => Promise.resolve(['a:1', 'b:1'])
    await clock.advance(10_000)
    expect([ids(), cache.state.kind]).toEqual([['a:1', 'b:1'], 'fresh'])
  })

  it('by never answering is given up after 10 s, and its late answer dropped', async () => {
    const discovery = new FakeDiscovery(['a:1'])
    const { cache, clock, ids, events } = observedCache(discovery)
    await clock.advance(0)
    discovery.answer = 'wait'
    await clock.advance(19_999)
    expect(cache.state.kind).toBe('fresh')
    await clock.advance(1)
    expect(cache.state).toMatchObject({ kind: 'stale', sinceMs: 1_020_000 })
    expect(events.at(-1)).toMatchObject({ error: { message: expect.stringContaining('no answer within 10000 ms') } })
    expect(discovery.open).toBe(0)
    discovery.release(['late:1'])
    await settlePromises()
    expect([ids(), cache.state.kind]).toEqual([['a:1'], 'stale'])
  })
})

describe('maxStaleMs', () => {
  it('drops the list that was stale for so long', async () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const { cache, clock, ids, changes, events } = observedCache(discovery, { maxStaleMs: 60_000 })
    discovery.fail(down)
    await clock.advance(59_999)
    expect(ids()).toEqual(['a:1'])
    await clock.advance(1)
    expect(ids()).toEqual([])
    expect(cache.state).toEqual({ kind: 'expired', sinceMs: 1_000_000, error: down })
    expect(changes[1]).toMatchObject({ instances: [], added: [], removed: [{ id: 'a:1' }], updated: [] })
    expect(events.at(-1)).toEqual({ type: 'list-expired', service: 'users', staleForMs: 60_000 })
    expect(clock.pendingTimers).toBe(0)
  })

  it('counts from the first failure, however many follow', async () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const { clock, ids } = observedCache(discovery, { maxStaleMs: 60_000 })
    for (let second = 0; second < 60; second++) {
      expect(ids()).toEqual(['a:1'])
      discovery.fail(down)
      await clock.advance(1_000)
    }
    expect(ids()).toEqual([])
  })

  it('starts over when the discovery answers in between', async () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const { clock, ids, cache } = observedCache(discovery, { maxStaleMs: 60_000 })
    discovery.fail(down)
    await clock.advance(59_000)
    discovery.push(['a:1'])
    expect(clock.pendingTimers).toBe(0)
    discovery.fail(down)
    await clock.advance(59_000)
    expect([ids(), cache.state.kind]).toEqual([['a:1'], 'stale'])
  })

  it('takes the list back when the discovery recovers', async () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const { cache, clock, ids, events } = observedCache(discovery, { maxStaleMs: 60_000 })
    discovery.fail(down)
    await clock.advance(70_000)
    discovery.fail(new Error('still down'))
    expect(cache.state).toMatchObject({ kind: 'expired', sinceMs: 1_000_000, error: new Error('still down') })
    discovery.push(['a:1'])
    expect([ids(), cache.state.kind]).toEqual([['a:1'], 'fresh'])
    expect(events.find(({ type }) => type === 'discovery-recovered')).toMatchObject({ staleForMs: 70_000 })
  })

  it('is no limit by default', async () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const { clock, ids } = observedCache(discovery)
    discovery.fail(down)
    expect(clock.pendingTimers).toBe(0)
    await clock.advance(365 * 86_400_000)
    expect(ids()).toEqual(['a:1'])
  })

  it('of 0 serves no stale list at all', async () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const { clock, ids } = observedCache(discovery, { maxStaleMs: 0 })
    discovery.fail(down)
    await clock.advance(0)
    expect(ids()).toEqual([])
  })
})

describe('closing the cache from a listener', () => {
  it.each([
    'instances-changed',
    'instance-rejected',
    'discovery-failed',
    'discovery-recovered',
    'empty-list-held',
    'list-expired',
  ])('leaves nothing behind, told %s', async (closeOn) => {
    for (const emptyGraceMs of [undefined, 5_000]) {
      const discovery = new FakeWatchDiscovery(['a:1', 'bad'])
      const { cache, channel, clock } = observedCache(discovery, { maxStaleMs: 60_000, emptyGraceMs }, { start: false })
      channel.subscribe(({ type }) => {
        if (type === closeOn) cache.close()
      })
      cache.start()
      discovery.fail(down)
      await clock.advance(1_000)
      discovery.push([])
      discovery.push(['a:1'])
      discovery.fail(down)
      await clock.advance(60_000)
      expect(cache.state.kind, `with emptyGraceMs ${emptyGraceMs}`).toBe('closed')
      expect([clock.pendingTimers, discovery.watchers, discovery.asked]).toEqual([0, 0, 0])
    }
  })

  it('ends the timers when a recovery brings an empty list', async () => {
    for (const emptyGraceMs of [undefined, 5_000]) {
      const discovery = new FakeWatchDiscovery(['a:1'])
      const { cache, channel, clock } = observedCache(discovery, { emptyGraceMs })
      discovery.fail(down)
      channel.subscribe(() => cache.close())
      discovery.push([])
      expect([cache.state.kind, clock.pendingTimers], `with emptyGraceMs ${emptyGraceMs}`).toEqual(['closed', 0])
    }
  })

  it('ends the attempts to watch a discovery whose watch throws', async () => {
    let watched = 0
    const discovery: ServiceDiscovery = {
      getInstances: () => Promise.resolve([]),
      watch: () => {
        watched++
        throw down
      },
    }
    const { cache, channel, clock } = observedCache(discovery, {}, { start: false })
    channel.subscribe(() => cache.close())
    cache.start()
    expect([cache.state.kind, clock.pendingTimers]).toEqual(['closed', 0])
    await clock.advance(100_000)
    expect(watched).toBe(1)
  })
})

describe('asDiscoveryError', () => {
  it('keeps a DiscoveryError and wraps anything else', () => {
    const own = new DiscoveryError('no answer')
    expect(asDiscoveryError('users', own)).toBe(own)
    expect(asDiscoveryError('users', down)).toMatchObject({
      message: 'users: the discovery failed: down',
      service: 'users',
      cause: down,
    })
    expect(asDiscoveryError('users', 'x')).toMatchObject({ message: 'users: the discovery failed: x', cause: 'x' })
  })
})
