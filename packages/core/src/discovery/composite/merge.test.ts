import { FakeDiscovery, FakeWatchDiscovery } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { idsOf, ObservedComposite } from '../../../test/observed-composite.ts'
import type { ServiceInstanceInit } from '../../instance/instance.ts'
import { StaticDiscovery } from '../static-discovery.ts'

const down = new Error('down')
const merge = { mode: 'merge' } as const

function users(...instances: ServiceInstanceInit[]): StaticDiscovery {
  return new StaticDiscovery({ users: instances })
}

describe('merge', () => {
  it('unites the lists, and tells every change of any', () => {
    const [first, second] = [users('a:1'), users('b:1')]
    const { lists } = new ObservedComposite([first, second], merge)
    second.set('users', ['b:1', 'b:2'])
    first.set('users', [])
    expect(lists).toEqual([
      ['a:1', 'b:1'],
      ['a:1', 'b:1', 'b:2'],
      ['b:1', 'b:2'],
    ])
  })

  it('takes the same id, or the same address, for the same instance: the earlier member counts', async () => {
    const first = users({ id: 'x', host: 'Node.example', port: 1, weight: 5 }, { host: 'c', port: 1 })
    const second = users(
      { id: 'x', host: 'other', port: 1 },
      { id: 'y', host: 'node.EXAMPLE', port: 1, weight: 9 },
      { id: 'z1', host: 'same', port: 1 },
      { id: 'z2', host: 'same', port: 1 },
    )
    // What was left out of the second does not stand in the way of the third.
    const third = users({ id: 'w', host: 'other', port: 1 })
    const { composite } = new ObservedComposite([first, second, third], merge)
    expect(await composite.getInstances('users')).toMatchObject([
      { id: 'x', host: 'Node.example', weight: 5 },
      { id: 'c:1' },
      { id: 'z1' },
      { id: 'z2' },
      { id: 'w' },
    ])
  })

  it('adds the offset of a member to the priority of its instances', async () => {
    const second = users({ host: 'b', port: 1, priority: 2, metadata: { zone: 'z' } })
    const members = [users('a:1'), { discovery: second, priorityOffset: 10 }]
    const { composite } = new ObservedComposite(members, merge)
    expect(await composite.getInstances('users')).toMatchObject([
      { id: 'a:1', priority: 0 },
      { id: 'b:1', priority: 12, metadata: { zone: 'z' } },
    ])
  })

  it('waits with the first union until every member has said something', async () => {
    const [first, second] = [new FakeWatchDiscovery(), users('b:1')]
    const { lists } = new ObservedComposite([first, second], merge)
    expect(lists).toEqual([])
    first.push(['a:1'])
    expect(lists).toEqual([['a:1', 'b:1']])
  })

  it('waits for silent members only so long, and takes them in later', async () => {
    const first = new FakeWatchDiscovery()
    const observed = new ObservedComposite([first, users('b:1')], merge)
    const { lists, errors, clock } = observed
    await clock.advance(2_000)
    first.push(['a:1'])
    expect(lists).toEqual([['b:1'], ['a:1', 'b:1']])
    expect(errors).toEqual([])
    expect(observed.told).toEqual(['member-failed FakeWatchDiscovery', 'member-recovered FakeWatchDiscovery'])
  })

  it('keeps the last list of a member that fails, and is stale only when all fail', () => {
    const [first, second] = [new FakeWatchDiscovery(['a:1']), new FakeWatchDiscovery(['b:1'])]
    const observed = new ObservedComposite(
      [
        { discovery: first, name: 'A' },
        { discovery: second, name: 'B' },
      ],
      merge,
    )
    first.fail(down)
    expect(observed.errors).toEqual([])
    second.push(['b:2'])
    expect(observed.list).toEqual(['a:1', 'b:2'])
    second.fail(down)
    expect(observed.errors).toEqual(['users: no discovery answers. A: down; B: down'])
    second.push(['b:2'])
    expect(observed.lists).toHaveLength(3)
    expect(observed.told.at(-1)).toBe('member-recovered B')
  })

  it('says nothing by an empty union while a member never gave a list', () => {
    const [first, second] = [new FakeWatchDiscovery(down), users()]
    const observed = new ObservedComposite([first, second], merge)
    expect(observed.lists).toEqual([])
    expect(observed.errors).toEqual([
      'users: no discovery answers. FakeWatchDiscovery: down; StaticDiscovery: knows no instance',
    ])
    second.set('users', ['b:1'])
    expect(observed.list).toEqual(['b:1'])
    second.set('users', [])
    expect(observed.list).toEqual(['b:1'])
    first.push([])
    expect(observed.list).toEqual([])
  })

  it('tells that all fail after the list that came before the last failure', () => {
    const [first, second] = [new FakeWatchDiscovery(['a:1']), new FakeWatchDiscovery()]
    const observed = new ObservedComposite([first, second], merge)
    first.fail(down)
    second.fail(down)
    expect([observed.lists, observed.errors.length]).toEqual([[['a:1']], 1])
  })
})

describe('getInstances with merge', () => {
  it('unites what all members say now', async () => {
    const { composite, subscription } = new ObservedComposite([new FakeDiscovery(['a:1']), users('b:1')], merge)
    subscription.close()
    expect(idsOf(await composite.getInstances('users'))).toEqual(['a:1', 'b:1'])
  })

  it('fills in for a member that fails what the watch knows of it', async () => {
    const first = new FakeWatchDiscovery(['a:1'])
    const observed = new ObservedComposite([first, users('b:1')], merge)
    first.answer = down
    expect(idsOf(await observed.composite.getInstances('users'))).toEqual(['a:1', 'b:1'])
    first.fail(down)
    expect(idsOf(await observed.composite.getInstances('users'))).toEqual(['a:1', 'b:1'])
    observed.subscription.close()
    expect(idsOf(await observed.composite.getInstances('users'))).toEqual(['b:1'])
  })

  it('rejects when all fail, and when "no instance" is not known of all', async () => {
    const [first, second] = [new FakeDiscovery(down), new FakeDiscovery([])]
    const { composite, subscription } = new ObservedComposite([first, second], merge)
    subscription.close()
    await expect(composite.getInstances('users')).rejects.toThrow('#1: down; FakeDiscovery #2: knows no instance')
    first.answer = []
    expect(await composite.getInstances('users')).toEqual([])
    first.answer = down
    second.answer = down
    await expect(composite.getInstances('users')).rejects.toThrow('#1: down; FakeDiscovery #2: down')
  })

  it('rejects when all fail, whatever the watch knows of them', async () => {
    const first = new FakeWatchDiscovery(['a:1'])
    const { composite } = new ObservedComposite([first], merge)
    first.answer = down
    await expect(composite.getInstances('users')).rejects.toThrow('down')
  })

  it('waits for a slow member for 10 s', async () => {
    const { composite, subscription, clock } = new ObservedComposite([new FakeDiscovery('wait'), users('b:1')], merge)
    subscription.close()
    const answer = composite.getInstances('users')
    await clock.advance(10_000)
    expect(idsOf(await answer)).toEqual(['b:1'])
  })
})
