import { FakeWatchDiscovery, settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { MemorySnapshots, ObservedComposite } from '../../../test/observed-composite.ts'
import { parseInstance } from '../../instance/instance.ts'
import type { StoredSnapshot } from '../snapshot/store.ts'

const down = new Error('down')

function saved(...addresses: string[]): MemorySnapshots {
  const snapshots = new MemorySnapshots()
  snapshots.lists.set('users', addresses.map(parseInstance))
  snapshots.ageMs = 7_200_000
  return snapshots
}

describe('a snapshot', () => {
  it('is used, as stale and with its age, when all members fail at the start', async () => {
    const members = [new FakeWatchDiscovery(down), new FakeWatchDiscovery(down)]
    for (const mode of ['failover', 'merge'] as const) {
      const observed = new ObservedComposite(members, { mode, snapshots: saved('a:1', 'b:1') })
      await settlePromises()
      expect(observed.lists).toEqual([['a:1', 'b:1']])
      expect(observed.errors).toEqual([
        'users: no discovery answers. FakeWatchDiscovery #1: down; FakeWatchDiscovery #2: down',
        'users: the list saved 2 h ago is in use. ' +
          'no discovery answers. FakeWatchDiscovery #1: down; FakeWatchDiscovery #2: down',
      ])
      expect(observed.events.at(-1)).toEqual({
        type: 'snapshot-in-use',
        service: 'users',
        ageMs: 7_200_000,
        instances: 2,
      })
      members[0]?.fail(new Error('still down'))
      expect(observed.errors.at(-1)).toContain('2 h ago is in use. no discovery answers. FakeWatchDiscovery #1: still')
    }
  })

  it('is used when members say nothing, each for 2 s', async () => {
    const observed = new ObservedComposite([new FakeWatchDiscovery(), new FakeWatchDiscovery()], {
      snapshots: saved('a:1'),
    })
    await observed.clock.advance(3_999)
    expect(observed.lists).toEqual([])
    await observed.clock.advance(1)
    expect(observed.lists).toEqual([['a:1']])
  })

  it('gives way to the first live list', async () => {
    const member = new FakeWatchDiscovery(down)
    const observed = new ObservedComposite([member], { snapshots: saved('a:1', 'b:1') })
    await settlePromises()
    member.push(['c:1'])
    member.fail(down)
    expect(observed.list).toEqual(['c:1'])
    expect(observed.errors.at(-1)).toBe('down')
  })

  it('is not said to be in use after a live list, even when nothing is known again', async () => {
    const members = [new FakeWatchDiscovery(down), new FakeWatchDiscovery(['b:1'])]
    members[1]?.push([])
    const observed = new ObservedComposite(members, { mode: 'merge', snapshots: saved('a:1') })
    await settlePromises()
    members[1]?.push(['b:1'])
    members[1]?.push([])
    expect(observed.lists).toEqual([['a:1'], ['b:1']])
    expect(observed.errors.at(-1)).toMatch(/^users: no discovery answers/)
  })

  it('stays while stand-ins know no instance', async () => {
    const stores = { failover: saved('a:1'), merge: saved('a:1') }
    for (const mode of ['failover', 'merge'] as const) {
      const members = [new FakeWatchDiscovery(down), new FakeWatchDiscovery([])]
      const observed = new ObservedComposite(members, { mode, snapshots: stores[mode] })
      await settlePromises()
      expect(observed.lists).toEqual([['a:1']])
    }
  })

  it('is not even loaded while a member answers, now or later', async () => {
    const [member, snapshots] = [new FakeWatchDiscovery(['c:1']), saved('a:1')]
    const observed = new ObservedComposite([member], { snapshots })
    await observed.clock.advance(100_000)
    member.fail(down)
    await observed.clock.advance(100_000)
    expect(snapshots.loads).toBe(0)
    expect(observed.lists).toEqual([['c:1']])
  })

  it('that arrives after a live list, or after the end, is dropped', async () => {
    for (const act of [
      (member: FakeWatchDiscovery): void => member.push(['c:1']),
      (_: FakeWatchDiscovery, observed: ObservedComposite): void => observed.subscription.close(),
    ]) {
      const [member, snapshots] = [new FakeWatchDiscovery(down), saved('a:1')]
      let open: () => void = () => {}
      snapshots.gate = new Promise((resolve) => {
        open = resolve
      })
      const observed = new ObservedComposite([member], { snapshots })
      await settlePromises()
      act(member, observed)
      const calls = observed.calls
      open()
      await settlePromises()
      expect(observed.calls).toBe(calls)
    }
  })

  it('is asked for once', async () => {
    const [member, snapshots] = [new FakeWatchDiscovery(down), new MemorySnapshots()]
    const observed = new ObservedComposite([member], { snapshots })
    for (let failure = 0; failure < 5; failure++) {
      await settlePromises()
      member.fail(down)
    }
    expect([snapshots.loads, observed.lists]).toEqual([1, []])
  })

  it('is none for getInstances', async () => {
    const observed = new ObservedComposite([new FakeWatchDiscovery(down)], { snapshots: saved('a:1') })
    await settlePromises()
    await expect(observed.composite.getInstances('users')).rejects.toThrow('down')
  })
})

describe('a snapshot that cannot be used', () => {
  async function told(snapshot: unknown, maxSnapshotAgeMs?: number): Promise<ObservedComposite> {
    const snapshots = { load: async () => snapshot as StoredSnapshot, save: () => {} }
    const options = maxSnapshotAgeMs === undefined ? {} : { maxSnapshotAgeMs }
    const observed = new ObservedComposite([new FakeWatchDiscovery(down)], { snapshots, ...options })
    await settlePromises()
    return observed
  }

  it.each<[string, unknown, string]>([
    ['is too old', { instances: ['a:1'], ageMs: 86_400_001 }, 'it is 24 h old, the limit is 24 h'],
    ['has no age', { instances: ['a:1'] }, 'its age is not known'],
    ['has an age that is no number', { instances: ['a:1'], ageMs: Number.NaN }, 'its age is not known'],
    ['is infinitely old', { instances: ['a:1'], ageMs: Number.POSITIVE_INFINITY }, 'the limit is 24 h'],
    ['holds no list', { instances: { length: 1 }, ageMs: 0 }, 'must give an array of instances, got an object'],
    ['holds nonsense', { instances: [{ host: 'a b', port: 1 }], ageMs: 0 }, 'none of 1 instance is usable'],
    ['is no snapshot', 7, 'its age is not known'],
  ])('since it %s, is told and not used', async (_, snapshot, message) => {
    const observed = await told(snapshot)
    expect(observed.lists).toEqual([])
    expect(observed.events.at(-1)).toMatchObject({
      type: 'snapshot-failed',
      error: { code: 'LB_DISCOVERY', message: expect.stringContaining(message) },
    })
    expect((observed.events.at(-1) as { error: Error }).error.message).toMatch(/^users: the snapshot cannot be used: /)
  })

  it('may be as old as the limit says, and from the future', async () => {
    for (const [ageMs, limit] of [
      [86_400_000, undefined],
      [1e12, Number.POSITIVE_INFINITY],
      [-5_000, 0],
    ] as const) {
      const observed = await told({ instances: ['a:1'], ageMs }, limit)
      expect(observed.lists).toEqual([['a:1']])
      expect(observed.events.at(-1)).toMatchObject({ ageMs: Math.max(0, ageMs) })
    }
  })

  it('loses only the instances that are unusable', async () => {
    const hostile = JSON.parse('[{"host":"a","port":1,"__proto__":{"weight":-1}},{"host":"b","port":1,"weight":-1}]')
    const observed = await told({ instances: hostile, ageMs: 0 })
    expect(observed.events.at(-1)).toMatchObject({ type: 'snapshot-in-use', instances: 1 })
  })

  it('or loaded, or takes longer than 5 s, is told and not used', async () => {
    const failing = saved('a:1')
    failing.failure = new Error('EIO')
    const hanging = saved('a:1')
    hanging.gate = new Promise(() => {})
    for (const [snapshots, message] of [
      [failing, 'EIO'],
      [hanging, 'no answer within 5000 ms'],
    ] as const) {
      const observed = new ObservedComposite([new FakeWatchDiscovery(down)], { snapshots })
      await observed.clock.advance(5_000)
      expect(observed.events.at(-1)).toMatchObject({
        error: { message: `users: the snapshot cannot be used: ${message}` },
      })
      expect(observed.lists).toEqual([])
    }
  })
})

describe('what is saved', () => {
  it('is each live list that is not empty, and never the snapshot itself', async () => {
    const [member, snapshots] = [new FakeWatchDiscovery(down), saved('a:1')]
    const observed = new ObservedComposite([member], { snapshots })
    await observed.clock.advance(10_000)
    expect(observed.lists).toEqual([['a:1']])
    expect(snapshots.saves).toEqual([])
    member.push(['b:1'])
    await observed.clock.advance(10_000)
    member.push([])
    await observed.clock.advance(2_000_000)
    expect(snapshots.saves).toEqual([['b:1']])
  })

  it('is not saved again while nothing is known any more', async () => {
    const [members, snapshots] = [[new FakeWatchDiscovery(down), new FakeWatchDiscovery(['b:1'])], saved('a:1')]
    const observed = new ObservedComposite(members, { mode: 'merge', snapshots })
    await observed.clock.advance(10_000)
    members[1]?.push([])
    expect(observed.lists).toEqual([['b:1']])
    await observed.clock.advance(2_000_000)
    expect(snapshots.saves).toEqual([['b:1']])
  })

  it('is what a stand-in says, and the union', async () => {
    for (const [mode, expected] of [
      ['failover', ['a:1']],
      ['merge', ['a:1', 'b:1']],
    ] as const) {
      const snapshots = new MemorySnapshots()
      const members = [new FakeWatchDiscovery(['a:1']), new FakeWatchDiscovery(['b:1'])]
      const observed = new ObservedComposite(members, { mode, snapshots })
      await observed.clock.advance(1_000)
      expect(snapshots.saves).toEqual([expected])
    }
  })

  it('is saved by close, when it was not yet', async () => {
    const snapshots = new MemorySnapshots()
    const { composite, clock } = new ObservedComposite([new FakeWatchDiscovery(['a:1'])], { snapshots })
    await composite.close()
    expect(snapshots.saves).toEqual([['a:1']])
    expect(clock.pendingTimers).toBe(0)
  })

  it('does not disturb anybody when it cannot be saved', async () => {
    const snapshots = new MemorySnapshots()
    snapshots.failure = new Error('disk full')
    const observed = new ObservedComposite([new FakeWatchDiscovery(['a:1'])], { snapshots })
    await observed.clock.advance(1_000)
    expect([observed.lists, observed.errors, observed.told.at(-1)]).toEqual([[['a:1']], [], 'snapshot-failed'])
    await observed.composite.close()
  })
})
