import { instance, instances } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ServiceInstance } from '../../instance/instance.ts'
import { type Load, LoadTable } from './load-table.ts'

function filled(list: readonly ServiceInstance[]): LoadTable<Load> {
  const table = new LoadTable<Load>((each) => ({ instance: each, active: 0, listed: false }))
  table.update(list, list)
  return table
}

function activeOf(table: LoadTable<Load>, list: readonly ServiceInstance[]): number[] {
  return table.update(list, list).map(({ active }) => active)
}

describe('LoadTable', () => {
  it('counts what is in flight on each instance', () => {
    const list = instances(3)
    const [a, b] = list as [ServiceInstance, ServiceInstance]
    const table = filled(list)
    for (const started of [a, b, b]) table.started(started)
    expect(table.finished(b)?.active).toBe(1)
    expect(activeOf(table, list)).toEqual([1, 1, 0])
  })

  it('gives the loads of the members asked for, in their order', () => {
    const list = instances(3)
    const [a, b, c] = list as [ServiceInstance, ServiceInstance, ServiceInstance]
    const table = filled(list)
    for (const started of [a, c, c]) table.started(started)
    expect(table.update(list, [c, a]).map(({ active }) => active)).toEqual([2, 1])
    expect(table.update([b, c], [b]).map(({ active }) => active)).toEqual([0])
  })

  it('keeps the load of an instance that went while it has requests in flight, and no longer', () => {
    const [a, b] = instances(2) as [ServiceInstance, ServiceInstance]
    const table = filled([a, b])
    table.started(a)
    table.started(a)
    table.update([b], [b])
    table.finished(a)
    expect(table.size).toBe(2)
    expect(activeOf(table, [a, b])).toEqual([1, 0])
    table.update([b], [b])
    table.finished(a)
    expect(table.size).toBe(1)
  })

  it('forgets instances without requests when they go', () => {
    const table = filled(instances(100))
    table.update([], [])
    expect(table.size).toBe(0)
  })

  it('counts a request that starts after its instance has gone', () => {
    const [a, b] = instances(2) as [ServiceInstance, ServiceInstance]
    const table = filled([b])
    table.started(a)
    expect(activeOf(table, [a, b])).toEqual([1, 0])
  })

  it('keeps apart what is in flight at the old and at the new address of an id', () => {
    const [old, b] = instances(2) as [ServiceInstance, ServiceInstance]
    const moved = instance(old.id, { host: '127.0.0.9' })
    const table = filled([old, b])
    table.started(old)
    table.started(old)
    expect(activeOf(table, [moved, b])).toEqual([0, 0])
    table.started(moved)
    expect(table.finished(old)?.active).toBe(1)
    expect(table.size).toBe(3)
    expect(activeOf(table, [moved, b])).toEqual([1, 0])
    expect(activeOf(table, [old, b])).toEqual([1, 0])
    expect(table.finished(moved)?.active).toBe(0)
    expect(table.finished(old)?.active).toBe(0)
    expect(table.size).toBe(2)
  })

  it('keeps of an instance that was away its count only', () => {
    const [a] = instances(1) as [ServiceInstance]
    let made = 0
    const table = new LoadTable<Load & { made: number }>((each) => ({
      instance: each,
      active: 0,
      listed: false,
      made: made++,
    }))
    table.update([a], [a])
    table.started(a)
    expect(table.update([a], [a])).toMatchObject([{ made: 0, active: 1 }])
    table.update([], [])
    expect(table.update([a], [a])).toMatchObject([{ made: 1, active: 1 }])
  })

  it('takes no notice of ends without a start', () => {
    const [a] = instances(1) as [ServiceInstance]
    const table = filled([a])
    expect(table.finished(a)).toBeUndefined()
    expect(table.finished(instance('stranger'))).toBeUndefined()
    table.started(a)
    expect(activeOf(table, [a])).toEqual([1])
    expect(table.size).toBe(1)
  })

  it('counts as a plain sum does, and holds no more than is listed or in flight, whatever happens', () => {
    const ids = ['a', 'b', 'c', 'd']
    const step = fc.oneof(
      fc.record({ type: fc.constantFrom('start' as const, 'finish' as const), id: fc.constantFrom(...ids) }),
      fc.record({ type: fc.constant('list' as const), ids: fc.subarray(ids) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const table = filled([])
        const counts = new Map<string, number>()
        let listed: readonly string[] = []
        for (const each of steps) {
          if (each.type === 'list') {
            listed = each.ids
            const list = listed.map((id) => instance(id))
            expect(activeOf(table, list)).toEqual(listed.map((id) => counts.get(id) ?? 0))
          } else {
            const count = counts.get(each.id) ?? 0
            if (each.type === 'start') table.started(instance(each.id))
            else table.finished(instance(each.id))
            counts.set(each.id, each.type === 'start' ? count + 1 : Math.max(0, count - 1))
          }
          const kept = ids.filter((id) => listed.includes(id) || (counts.get(id) ?? 0) > 0)
          expect(table.size).toBe(kept.length)
        }
      }),
      { seed: 20_240_607, numRuns: 1_000 },
    )
  })
})
