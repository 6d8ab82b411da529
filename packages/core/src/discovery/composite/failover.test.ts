import { FakeDiscovery, FakeWatchDiscovery } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { idsOf, ObservedComposite } from '../../../test/observed-composite.ts'
import { InvalidInstanceError } from '../../base/errors.ts'
import { StaticDiscovery } from '../static-discovery.ts'

const down = new Error('down')

describe('failover, at the start', () => {
  it('uses the first member, and asks no other while it answers', async () => {
    const [first, second] = [new FakeWatchDiscovery(['a:1']), new FakeDiscovery(['b:1'])]
    const observed = new ObservedComposite([first, second])
    const { lists, clock } = observed
    await clock.advance(100_000)
    first.push(['a:1', 'a:2'])
    expect(lists).toEqual([['a:1'], ['a:1', 'a:2']])
    expect(second.asked).toBe(0)
    expect(observed.told).toEqual(['member-in-use FakeWatchDiscovery'])
  })

  it('goes on to the next member at once when the first fails', async () => {
    const observed = new ObservedComposite([new FakeWatchDiscovery(down), new FakeDiscovery(['b:1'])])
    await observed.clock.advance(0)
    expect(observed.lists).toEqual([['b:1']])
    expect(observed.errors).toEqual([])
    expect(observed.told).toEqual(['member-failed FakeWatchDiscovery', 'member-in-use FakeDiscovery'])
  })

  it('waits for a silent member only so long', async () => {
    const [first, second] = [new FakeWatchDiscovery(), new FakeWatchDiscovery(['b:1'])]
    const { lists, clock, events } = new ObservedComposite([first, second])
    await clock.advance(1_999)
    expect([lists, second.watchers]).toEqual([[], 0])
    await clock.advance(1)
    expect(lists).toEqual([['b:1']])
    expect(events[0]).toMatchObject({ error: { message: 'users: no answer within 2000 ms', code: 'LB_DISCOVERY' } })
    first.push(['a:1'])
    expect(lists).toEqual([['b:1'], ['a:1']])
    expect(second.watchers).toBe(0)
  })

  it('takes an empty list of the first member for an answer', () => {
    expect(new ObservedComposite([new StaticDiscovery(), new StaticDiscovery({ users: ['b:1'] })]).lists).toEqual([[]])
  })

  it('believes no stand-in that knows no instance', async () => {
    const second = new FakeWatchDiscovery([])
    const observed = new ObservedComposite([new FakeWatchDiscovery(down), second])
    expect(observed.lists).toEqual([])
    expect(observed.errors).toEqual([
      'users: no discovery answers. FakeWatchDiscovery #1: down; FakeWatchDiscovery #2: knows no instance',
    ])
    second.push(['b:1'])
    expect(observed.lists).toEqual([['b:1']])
    second.push([])
    expect(observed.lists).toEqual([['b:1'], []])
  })

  it('tells once that all members fail, and why', () => {
    const members = ['x', 'y', 'z'].map((name) => ({
      name,
      discovery: new FakeWatchDiscovery(new Error(`no ${name}`)),
    }))
    const observed = new ObservedComposite(members)
    expect(observed.errors).toEqual(['users: no discovery answers. x: no x; y: no y; z: no z'])
    members[1]?.discovery.push(['b:1'])
    expect(observed.list).toEqual(['b:1'])
    expect(members.map(({ discovery }) => discovery.watchers)).toEqual([1, 1, 0])
  })

  it('tells once that all members fail, or know no instance', () => {
    const members = [new FakeWatchDiscovery(down), new FakeWatchDiscovery([]), new FakeWatchDiscovery(down)]
    expect(new ObservedComposite(members).errors).toHaveLength(1)
  })

  it.each([['no list'], [7], [{ instances: [] }], [['nonsense', { host: 'a' }]]])(
    'takes %j for a failure',
    (answer) => {
      const first = new FakeWatchDiscovery(answer as never)
      expect(new ObservedComposite([first, new StaticDiscovery({ users: ['b:1'] })]).lists).toEqual([['b:1']])
    },
  )

  it('leaves out what cannot be used, and passes on why: what the member rejected, and what is wrong in its list', async () => {
    const bad = { host: 'a', port: 99_999 }
    const first = new FakeWatchDiscovery(['a:1', bad])
    const observed = new ObservedComposite([first])
    expect(await observed.composite.getInstances('users')).toEqual([expect.objectContaining({ id: 'a:1' })])
    expect(observed.lists).toEqual([['a:1']])
    expect(observed.rejected.at(-1)).toMatchObject([{ field: 'port' }])
    first.push(['a:1'], [new InvalidInstanceError('value', 'key b: not JSON')])
    expect(observed.rejected.at(-1)).toMatchObject([{ field: 'value', message: 'key b: not JSON' }])
  })
})

describe('failover, later', () => {
  function running(): { first: FakeWatchDiscovery; second: FakeWatchDiscovery; observed: ObservedComposite } {
    const [first, second] = [new FakeWatchDiscovery(['a:1', 'a:2']), new FakeWatchDiscovery(['b:1'])]
    const observed = new ObservedComposite([
      { discovery: first, name: 'A' },
      { discovery: second, name: 'B' },
    ])
    return { first, second, observed }
  }

  it('keeps the last list through a short failure, and reports it', async () => {
    const { first, second, observed } = running()
    first.fail(down)
    await observed.clock.advance(29_999)
    first.push(['a:1'])
    await observed.clock.advance(60_000)
    expect(observed.lists).toEqual([['a:1', 'a:2'], ['a:1']])
    expect(observed.errors).toEqual(['down'])
    expect(second.asked + second.watchers).toBe(0)
  })

  it('goes over after 30 s of failure, counted from the first one', async () => {
    const { first, observed } = running()
    first.fail(down)
    await observed.clock.advance(20_000)
    first.fail(down)
    await observed.clock.advance(10_000)
    expect(observed.list).toEqual(['b:1'])
    first.fail(down)
    expect(observed.errors).toEqual(['down', 'down'])
    expect(observed.told.slice(-2)).toEqual(['member-in-use B', 'member-failed A'])
  })

  it('goes over earlier by chance, so that a fleet does not at the same moment', async () => {
    const [first, second] = [new FakeWatchDiscovery(['a:1']), new FakeWatchDiscovery(['b:1'])]
    const observed = new ObservedComposite([first, second], { random: () => 1, failoverAfterMs: 10_000 })
    first.fail(down)
    await observed.clock.advance(8_000)
    expect(observed.list).toEqual(['b:1'])
  })

  it('goes back as soon as the member before has instances again, and asks the other no more', async () => {
    const { first, second, observed } = running()
    first.fail(down)
    await observed.clock.advance(30_000)
    first.push([])
    expect(observed.list).toEqual(['b:1'])
    first.push(['a:9'])
    expect(observed.list).toEqual(['a:9'])
    expect(second.watchers).toBe(0)
    second.push(['b:2'])
    expect(observed.list).toEqual(['a:9'])
  })

  it('changes the source at most once in 30 s however often a member flaps', async () => {
    const { first, observed } = running()
    for (let second = 0; second < 300; second++) {
      first.fail(down)
      await observed.clock.advance(500)
      first.push(['a:1'])
      await observed.clock.advance(500)
    }
    expect(observed.told.filter((text) => text.startsWith('member-in-use'))).toEqual(['member-in-use A'])
  })

  it('keeps the last list when no stand-in has instances, until one has', async () => {
    const { first, second, observed } = running()
    second.answer = []
    first.fail(down)
    await observed.clock.advance(100_000)
    expect(observed.lists).toEqual([['a:1', 'a:2']])
    second.push(['b:1'])
    expect(observed.list).toEqual(['b:1'])
  })

  it('goes on to the third when the second fails too, and to the first when it only lacked instances', async () => {
    const [a, b, c] = [1, 2, 3].map((port) => new FakeWatchDiscovery([`x:${port}`])) as [
      FakeWatchDiscovery,
      FakeWatchDiscovery,
      FakeWatchDiscovery,
    ]
    const observed = new ObservedComposite([a, b, c])
    b.answer = down
    a.fail(down)
    await observed.clock.advance(30_000)
    expect(observed.list).toEqual(['x:3'])
    a.push([])
    c.fail(down)
    await observed.clock.advance(30_000)
    expect(observed.list).toEqual([])
    expect(observed.told.at(-1)).toBe('member-in-use FakeWatchDiscovery #1')
  })

  it('goes back to a first member that answers without instances, once the stand-in has failed for as long', async () => {
    const { first, second, observed } = running()
    first.fail(down)
    await observed.clock.advance(30_000)
    second.fail(down)
    await observed.clock.advance(30_000)
    expect(observed.list).toEqual(['b:1'])
    first.push([])
    expect(observed.list).toEqual([])
  })

  it('forgets a failure that is over, however often it was told', async () => {
    const { first, second, observed } = running()
    first.fail(down)
    await observed.clock.advance(10_000)
    first.fail(down)
    first.push(['a:1'])
    await observed.clock.advance(60_000)
    expect([second.watchers, observed.clock.pendingTimers]).toEqual([0, 0])
  })

  it('polls members that cannot push', async () => {
    const [first, second] = [new FakeDiscovery(['a:1']), new FakeDiscovery(['b:1'])]
    const observed = new ObservedComposite([first, second], { refreshIntervalMs: 1_000 })
    await observed.clock.advance(5_000)
    expect(observed.lists).toHaveLength(6)
    first.answer = down
    await observed.clock.advance(31_000)
    expect(observed.list).toEqual(['b:1'])
  })

  it('watches a member again that throws instead of watching', async () => {
    let calls = 0
    const broken = {
      getInstances: () => Promise.resolve(['a:1']),
      watch: (_: string, observer: { next(list: string[]): void }) => {
        if (++calls < 4) throw down
        observer.next(['a:1'])
        return { close: () => {} }
      },
    }
    const observed = new ObservedComposite([broken])
    expect(observed.errors).toEqual(['users: no discovery answers. a custom object: down'])
    await observed.clock.advance(7_000)
    expect([calls, observed.list]).toEqual([4, ['a:1']])
    calls = 0
    const other = new ObservedComposite([broken])
    other.subscription.close()
    expect(other.clock.pendingTimers).toBe(0)
  })
})

describe('getInstances with failover', () => {
  it('gives the first answer of a member that has instances', async () => {
    const [first, second] = [new FakeDiscovery(down), new FakeDiscovery(['b:1'])]
    const { composite, subscription } = new ObservedComposite([first, second])
    subscription.close()
    expect(idsOf(await composite.getInstances('users'))).toEqual(['b:1'])
    first.answer = []
    expect(await composite.getInstances('users')).toEqual([])
    first.answer = down
    second.answer = []
    await expect(composite.getInstances('users')).rejects.toThrow(
      'users: no discovery answers. FakeDiscovery #1: down; FakeDiscovery #2: knows no instance',
    )
  })

  it('passes over a silent member, and gives its question up', async () => {
    const [first, second] = [new FakeDiscovery('wait'), new FakeDiscovery(['b:1'])]
    const { composite, clock, subscription } = new ObservedComposite([first, second])
    subscription.close()
    const answer = composite.getInstances('users')
    await clock.advance(2_000)
    expect(idsOf(await answer)).toEqual(['b:1'])
    expect([first.open, clock.pendingTimers]).toEqual([0, 0])
  })

  it('asks only the member that the watch has in use, so that both say the same', async () => {
    const [first, second] = [new FakeWatchDiscovery(['a:1']), new FakeWatchDiscovery(['b:1'])]
    const observed = new ObservedComposite([first, second])
    first.answer = down
    await expect(observed.composite.getInstances('users')).rejects.toThrow('down')
    first.fail(down)
    await observed.clock.advance(30_000)
    first.answer = ['a:1']
    expect(idsOf(await observed.composite.getInstances('users'))).toEqual(['b:1'])
  })

  it('ends with the reason of the signal', async () => {
    const { composite, subscription } = new ObservedComposite([new FakeDiscovery('wait'), new FakeDiscovery('wait')])
    subscription.close()
    const controller = new AbortController()
    const answer = composite.getInstances('users', { signal: controller.signal })
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(answer).rejects.toBe(reason)
  })
})
