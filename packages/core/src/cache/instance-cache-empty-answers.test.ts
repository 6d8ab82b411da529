import { FakeDiscovery, FakeWatchDiscovery } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { observedCache } from '../../test/observed-cache.ts'

const down = new Error('down')

describe('an empty answer of a discovery that is polled', () => {
  it('is held until the next refresh confirms it', async () => {
    const discovery = new FakeDiscovery(['a:1'])
    const { cache, clock, ids, events, changes } = observedCache(discovery)
    await clock.advance(0)
    discovery.answer = []
    await clock.advance(10_000)
    expect(ids()).toEqual(['a:1'])
    expect(cache.state.kind).toBe('fresh')
    expect(events.at(-1)).toEqual({ type: 'empty-list-held', service: 'users' })
    await clock.advance(9_999)
    expect(ids()).toEqual(['a:1'])
    await clock.advance(1)
    expect(ids()).toEqual([])
    expect(changes[1]).toMatchObject({ removed: [{ id: 'a:1' }] })
    expect(discovery.asked).toBe(3)
  })

  it('changes nothing when the next one is full again', async () => {
    for (const emptyGraceMs of [undefined, 15_000]) {
      const discovery = new FakeDiscovery(['a:1'])
      const { clock, ids, changes } = observedCache(discovery, { emptyGraceMs })
      await clock.advance(0)
      discovery.answer = []
      await clock.advance(10_000)
      discovery.answer = ['a:1']
      await clock.advance(100_000)
      expect(ids()).toEqual(['a:1'])
      expect(changes).toHaveLength(1)
    }
  })

  it('is held again after it was refuted', async () => {
    const discovery = new FakeDiscovery(['a:1'])
    const { clock, ids, types } = observedCache(discovery)
    await clock.advance(0)
    for (let round = 0; round < 3; round++) {
      discovery.answer = []
      await clock.advance(10_000)
      discovery.answer = ['a:1']
      await clock.advance(10_000)
    }
    expect(ids()).toEqual(['a:1'])
    expect(types().filter((type) => type === 'empty-list-held')).toHaveLength(3)
  })

  it('is applied at once with emptyGraceMs 0', async () => {
    const discovery = new FakeDiscovery(['a:1'])
    const { clock, ids, types } = observedCache(discovery, { emptyGraceMs: 0 })
    await clock.advance(0)
    discovery.answer = []
    await clock.advance(10_000)
    expect(ids()).toEqual([])
    expect(types()).not.toContain('empty-list-held')
  })

  it('is applied after emptyGraceMs, without another question', async () => {
    const discovery = new FakeDiscovery(['a:1'])
    const { clock, ids } = observedCache(discovery, { emptyGraceMs: 5_000 })
    await clock.advance(0)
    discovery.answer = []
    await clock.advance(14_999)
    expect(ids()).toEqual(['a:1'])
    await clock.advance(1)
    expect([ids(), discovery.asked]).toEqual([[], 2])
  })

  it('is held for emptyGraceMs from the first one, however many follow', async () => {
    const discovery = new FakeDiscovery(['a:1'])
    const { clock, ids, types } = observedCache(discovery, { emptyGraceMs: 5_000, refreshIntervalMs: 1_000 })
    await clock.advance(0)
    discovery.answer = []
    await clock.advance(5_999)
    expect([ids(), discovery.asked]).toEqual([['a:1'], 6])
    await clock.advance(1)
    expect(ids()).toEqual([])
    expect(types().filter((type) => type === 'empty-list-held')).toHaveLength(1)
  })

  it('is not confirmed by a failure', async () => {
    for (const emptyGraceMs of [undefined, 5_000]) {
      const discovery = new FakeDiscovery(['a:1'])
      const { cache, clock, ids } = observedCache(discovery, { emptyGraceMs, refreshIntervalMs: 1_000 })
      await clock.advance(0)
      discovery.answer = []
      await clock.advance(1_000)
      discovery.answer = down
      await clock.advance(100_000)
      expect([ids(), cache.state.kind]).toEqual([['a:1'], 'stale'])
    }
  })

  it('is held for emptyGraceMs anew when a failure came in between', async () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const { clock, ids } = observedCache(discovery, { emptyGraceMs: 5_000 })
    discovery.push([])
    discovery.fail(down)
    await clock.advance(5_000)
    expect(ids()).toEqual(['a:1'])
    discovery.push([])
    await clock.advance(4_999)
    expect(ids()).toEqual(['a:1'])
    await clock.advance(1)
    expect(ids()).toEqual([])
  })

  it('is a list like any other when no instance is known', async () => {
    const discovery = new FakeDiscovery([])
    const { clock, types, changes } = observedCache(discovery)
    await clock.advance(100_000)
    expect(types()).toEqual([])
    expect(changes).toHaveLength(1)
  })

  it('says that the discovery recovered, although it is held', async () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const { cache, ids, types } = observedCache(discovery)
    discovery.fail(down)
    discovery.push([])
    expect([ids(), cache.state.kind]).toEqual([['a:1'], 'fresh'])
    expect(types().slice(-2)).toEqual(['discovery-recovered', 'empty-list-held'])
  })
})

describe('an empty answer of a discovery that pushes', () => {
  it('is held until the discovery, asked a second later, confirms it', async () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const { clock, ids, types } = observedCache(discovery)
    discovery.push([])
    await clock.advance(999)
    expect([ids(), discovery.asked]).toEqual([['a:1'], 0])
    expect(types().at(-1)).toBe('empty-list-held')
    await clock.advance(1)
    expect([ids(), discovery.asked]).toEqual([[], 1])
    await clock.advance(100_000)
    expect([discovery.asked, clock.pendingTimers]).toEqual([1, 0])
  })

  it('changes nothing when the discovery, asked, gives instances', async () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const { clock, ids, changes } = observedCache(discovery)
    discovery.push([])
    discovery.answer = ['a:1']
    await clock.advance(100_000)
    expect([ids(), changes.length, discovery.asked, clock.pendingTimers]).toEqual([['a:1'], 1, 1, 0])
  })

  it('changes nothing when the discovery pushes instances before it is asked', async () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const { clock, ids, changes } = observedCache(discovery)
    discovery.push([])
    discovery.push(['a:1'])
    expect(clock.pendingTimers).toBe(0)
    await clock.advance(100_000)
    expect([ids(), changes.length, discovery.asked]).toEqual([['a:1'], 1, 0])
  })

  it('is confirmed by a second push', () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const { clock, ids } = observedCache(discovery)
    discovery.push([])
    discovery.push([])
    expect([ids(), clock.pendingTimers]).toEqual([[], 0])
  })

  it('stays held while the discovery, asked, fails', async () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const { cache, clock, ids } = observedCache(discovery)
    discovery.push([])
    discovery.answer = down
    await clock.advance(20_000)
    expect([ids(), cache.state.kind]).toEqual([['a:1'], 'stale'])
    expect(discovery.asked).toBeGreaterThan(1)
    discovery.answer = []
    await clock.advance(30_000)
    expect([ids(), cache.state.kind, clock.pendingTimers]).toEqual([[], 'fresh', 0])
  })

  it('is applied at once with emptyGraceMs 0, after the grace with another, and nobody is asked', async () => {
    const [first, second] = [new FakeWatchDiscovery(['a:1']), new FakeWatchDiscovery(['a:1'])]
    const atOnce = observedCache(first, { emptyGraceMs: 0 })
    first.push([])
    expect(atOnce.ids()).toEqual([])
    const later = observedCache(second, { emptyGraceMs: 5_000 })
    second.push([])
    await later.clock.advance(4_999)
    expect(later.ids()).toEqual(['a:1'])
    await later.clock.advance(1)
    expect(later.ids()).toEqual([])
    expect([first.asked, second.asked, later.clock.pendingTimers]).toEqual([0, 0, 0])
  })
})
