import { FakeDiscovery, FakeWatchDiscovery, settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { observedCache } from '../../test/observed-cache.ts'
import { StaticDiscovery } from '../discovery/static-discovery.ts'

describe('a doubt about a list that is polled', () => {
  it('asks at once, and the next poll comes an interval later', async () => {
    const discovery = new FakeDiscovery(['a:1'])
    const { cache, clock, ids } = observedCache(discovery)
    await clock.advance(3_000)
    discovery.answer = ['b:1']
    cache.doubt()
    await clock.advance(0)
    expect([discovery.asked, ids()]).toEqual([2, ['b:1']])
    await clock.advance(9_999)
    expect(discovery.asked).toBe(2)
    await clock.advance(1)
    expect(discovery.asked).toBe(3)
  })

  it('takes the place of a poll that is under way', async () => {
    const discovery = new FakeDiscovery(['a:1'])
    const { cache, clock, ids } = observedCache(discovery)
    await settlePromises()
    discovery.answer = 'wait'
    await clock.advance(10_000)
    discovery.answer = ['b:1']
    cache.doubt()
    await clock.advance(0)
    expect([discovery.open, ids()]).toEqual([0, ['b:1']])
    discovery.release(['c:1'])
    await settlePromises()
    expect(ids()).toEqual(['b:1'])
  })

  it('does not confirm an empty answer that came less than a second before', async () => {
    const discovery = new FakeDiscovery(['a:1'])
    const { cache, clock, ids } = observedCache(discovery)
    await settlePromises()
    discovery.answer = []
    cache.doubt()
    await clock.advance(0)
    cache.doubt()
    await clock.advance(999)
    expect([discovery.asked, ids()]).toEqual([3, ['a:1']])
    cache.doubt()
    await clock.advance(501)
    expect([discovery.asked, ids()]).toEqual([4, []])
  })

  it('asks nothing while the first list is not known, and nothing after close', async () => {
    const discovery = new FakeDiscovery('wait')
    const { cache, clock } = observedCache(discovery)
    cache.doubt()
    await clock.advance(1_000)
    expect(discovery.asked).toBe(1)
    discovery.release(['a:1'])
    await settlePromises()
    cache.doubt()
    cache.close()
    cache.doubt()
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('a doubt about a list that is pushed', () => {
  it('asks besides, and once more when that changed something', async () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const { cache, clock, ids, types } = observedCache(discovery)
    // The watch lags behind.
    discovery.answer = ['b:1']
    cache.doubt()
    await clock.advance(0)
    expect([discovery.asked, ids()]).toEqual([1, ['b:1']])
    await clock.advance(60_000)
    expect([discovery.asked, types()]).toEqual([2, ['instances-changed', 'instances-changed']])
  })

  it('drops the answer when the watch said something meanwhile', async () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    let answer: (list: string[]) => void = () => {}
    discovery.getInstances = () =>
      new Promise((resolve) => {
        answer = resolve
      })
    const { cache, clock, ids } = observedCache(discovery)
    cache.doubt()
    await clock.advance(0)
    discovery.push(['b:1'])
    answer(['a:1'])
    await settlePromises()
    expect(ids()).toEqual(['b:1'])
    cache.close()
    expect(clock.pendingTimers).toBe(0)
  })

  it('leaves the list fresh when the question fails or gets no answer: the watch goes on', async () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const { cache, clock, types } = observedCache(discovery)
    for (const answer of [new Error('down'), undefined]) {
      discovery.answer = answer
      cache.doubt()
      await clock.advance(15_000)
    }
    expect([discovery.asked, cache.state.kind, types()]).toEqual([2, 'fresh', ['instances-changed']])
  })

  it('is of no use with a list in code', async () => {
    const discovery = new StaticDiscovery({ users: ['a:1'] })
    const { cache, clock } = observedCache(discovery)
    cache.doubt()
    expect([clock.pendingTimers, cache.expectsAnswerBy(Number.POSITIVE_INFINITY)]).toEqual([0, false])
    await cache.refresh()
  })
})

describe('refresh', () => {
  it('rejects with what the discovery says, and after close', async () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const { cache } = observedCache(discovery)
    const down = new Error('down')
    discovery.answer = down
    await expect(cache.refresh()).rejects.toBe(down)
    cache.close()
    await expect(cache.refresh()).rejects.toMatchObject({ code: 'LB_CLOSED' })
  })
})
