import { instance, instances } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseInstance, type ServiceInstance } from '../instance/instance.ts'
import { diffInstances } from './diff-instances.ts'

function ids(list: readonly ServiceInstance[]): string[] {
  return list.map(({ id }) => id)
}

describe('diffInstances', () => {
  it('finds nothing between identical lists, whatever their order', () => {
    const list = instances(4)
    expect(diffInstances([], [])).toBeUndefined()
    expect(diffInstances(list, list)).toBeUndefined()
    expect(diffInstances(list, instances(4).reverse())).toBeUndefined()
  })

  it('keeps survivors in their place and appends newcomers', () => {
    const diff = diffInstances(instances(3), [instance('n2'), instance('i2'), instance('n1'), instance('i0')])
    expect(ids(diff?.instances ?? [])).toEqual(['i0', 'i2', 'n2', 'n1'])
    expect(ids(diff?.added ?? [])).toEqual(['n2', 'n1'])
    expect(ids(diff?.removed ?? [])).toEqual(['i1'])
    expect(diff?.updated).toEqual([])
  })

  it('keeps the identity of survivors that did not change', () => {
    const before = instances(2)
    const diff = diffInstances(before, [...instances(2), instance('n')])
    expect(diff?.instances[0]).toBe(before[0])
    expect(diff?.instances[1]).toBe(before[1])
  })

  it.each<[string, Partial<ServiceInstance>]>([
    ['weight', { weight: 2 }],
    ['priority', { priority: 1 }],
    ['zone', { zone: 'us' }],
    ['healthy', { healthy: false }],
    ['a metadata value', { metadata: { version: '2' } }],
    ['a metadata key', { metadata: { revision: '1' } }],
    ['an added metadata key', { metadata: { version: '1', revision: '1' } }],
    ['a removed metadata key', { metadata: {} }],
  ])('takes a change of %s for an update', (_, fields) => {
    const base = { host: '10.0.0.1', zone: 'eu', healthy: true, metadata: { version: '1' } }
    const before = instance('a', base)
    const after = instance('a', { ...base, ...fields })
    expect(diffInstances([before], [after])).toEqual({ instances: [after], added: [], removed: [], updated: [after] })
  })

  it.each<[string, Partial<ServiceInstance>]>([
    ['host', { host: '10.0.0.9' }],
    ['port', { port: 81 }],
    ['scheme', { secure: true }],
  ])('takes an instance with the same id at another %s for a new one', (_, fields) => {
    const base = { host: '10.0.0.1', port: 80 }
    const [before, other] = [instance('a', base), instance('b')]
    const after = instance('a', { ...base, ...fields })
    expect(diffInstances([before, other], [after, other])).toEqual({
      instances: [other, after],
      added: [after],
      removed: [before],
      updated: [],
    })
  })

  it('sees a zone or a registry health that goes away', () => {
    expect(diffInstances([instance('a', { zone: 'eu' })], [instance('a')])?.updated).toHaveLength(1)
    expect(diffInstances([instance('a', { healthy: true })], [instance('a')])?.updated).toHaveLength(1)
  })

  it('takes equal metadata in another order for equal', () => {
    const before = instance('a', { metadata: { x: '1', y: '2' } })
    expect(diffInstances([before], [instance('a', { metadata: { y: '2', x: '1' } })])).toBeUndefined()
  })

  it('is not confused by ids or keys that name properties of every object', () => {
    const before = [instance('constructor', { metadata: { a: '1' } }), instance('__proto__')]
    expect(diffInstances(before, before.toReversed())).toBeUndefined()
    const named = parseInstance({ id: 'constructor', host: '127.0.0.1', port: 80, metadata: { toString: '1' } })
    expect(diffInstances(before, [named, instance('__proto__')])?.updated).toEqual([named])
  })

  it('finds the same, in the same order, whatever the order that is like that of the next list', () => {
    const [a, b, c, d] = instances(4) as [ServiceInstance, ServiceInstance, ServiceInstance, ServiceInstance]
    const heavy = instance('i1', { weight: 2 })
    const next = [d, instance('n'), heavy]
    const diff = diffInstances([a, b, c, d], next, [d, c, b, a])
    expect(diff).toEqual(diffInstances([a, b, c, d], next))
    expect(ids(diff?.instances ?? [])).toEqual(['i1', 'i3', 'n'])
    expect(ids(diff?.removed ?? [])).toEqual(['i0', 'i2'])
    expect(diff?.updated).toEqual([heavy])
  })

  it('changes neither of the given lists', () => {
    const before = Object.freeze(instances(3))
    const after = Object.freeze([instance('i1', { weight: 2 }), instance('n')])
    diffInstances(before, after)
    expect(ids(before)).toEqual(['i0', 'i1', 'i2'])
    expect(ids(after)).toEqual(['i1', 'n'])
  })

  it('accounts for every instance of two random lists exactly once', () => {
    const list = fc
      .uniqueArray(fc.record({ id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'), weight: fc.nat(2) }), {
        selector: ({ id }) => id,
      })
      .map((entries) => entries.map(({ id, weight }) => instance(id, { weight })))
    fc.assert(
      fc.property(list, list, (before, after) => {
        const diff = diffInstances(before, after)
        const weightBefore = new Map(before.map(({ id, weight }) => [id, weight]))
        const weightAfter = new Map(after.map(({ id, weight }) => [id, weight]))
        const survivors = before.filter(({ id }) => weightAfter.has(id))
        const newcomers = after.filter(({ id }) => !weightBefore.has(id))
        const same = after.length === before.length && after.every(({ id, weight }) => weightBefore.get(id) === weight)
        expect(diff === undefined).toBe(same)
        if (diff === undefined) return
        expect(ids(diff.instances)).toEqual([...ids(survivors), ...ids(newcomers)])
        for (const { id, weight } of diff.instances) expect(weight).toBe(weightAfter.get(id))
        expect(ids(diff.added)).toEqual(ids(newcomers))
        expect(ids(diff.removed)).toEqual(ids(before.filter(({ id }) => !weightAfter.has(id))))
        expect(ids(diff.updated)).toEqual(ids(survivors.filter(({ id, weight }) => weightAfter.get(id) !== weight)))
      }),
      { seed: 20_240_605, numRuns: 1_000 },
    )
  })
})
