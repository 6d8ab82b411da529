import { parseInstance } from '@lb/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DnsFailure } from './errors.ts'
import { isDecidedlyUnavailable, type SrvInstance, srvInstances } from './instances.ts'
import type { SrvRecord } from './message.ts'

function record(target: string, fields: Partial<SrvRecord> = {}): SrvRecord {
  return { type: 'SRV', name: 's', ttlSeconds: 5, priority: 0, weight: 1, port: 80, target, ...fields }
}

const hosts: Record<string, readonly string[]> = {
  a: ['10.0.0.1'],
  b: ['10.0.0.2', '10.0.0.3'],
  c: ['2001:db8::1'],
  alsoA: ['10.0.0.1'],
  gone: [],
}

function instancesOf(records: readonly SrvRecord[]): SrvInstance[] {
  return srvInstances(records, (target) => hosts[target] ?? [], { withTarget: true })
}

/** Instances as a set: what is told does not depend on an order. */
function asSet(instances: readonly SrvInstance[]): string[] {
  return instances.map((instance) => JSON.stringify(instance)).sort()
}

describe('srvInstances', () => {
  it('makes one instance of each address, and shares the weight of the target', () => {
    expect(instancesOf([record('a', { weight: 4 }), record('b', { weight: 4 }), record('gone')])).toEqual([
      { host: '10.0.0.1', port: 80, weight: 8, priority: 0, metadata: { target: 'a' } },
      { host: '10.0.0.2', port: 80, weight: 4, priority: 0, metadata: { target: 'b' } },
      { host: '10.0.0.3', port: 80, weight: 4, priority: 0, metadata: { target: 'b' } },
    ])
  })

  it('adds the weights of records of a priority that name the same address and port', () => {
    const found = instancesOf([record('a', { weight: 3 }), record('alsoA', { weight: 4 }), record('a', { port: 81 })])
    expect(found).toMatchObject([
      { host: '10.0.0.1', port: 80, weight: 7, metadata: { target: 'a' } },
      { host: '10.0.0.1', port: 81, weight: 1 },
    ])
  })

  it('takes the priority used first when records of several name the same address and port', () => {
    const found = instancesOf([record('a', { priority: 2, weight: 9 }), record('alsoA', { priority: 1, weight: 2 })])
    expect(found).toEqual([{ host: '10.0.0.1', port: 80, weight: 2, priority: 1, metadata: { target: 'alsoA' } }])
  })

  it('takes a record that is sent twice once', () => {
    expect(instancesOf([record('a', { weight: 3 }), record('a', { weight: 3, ttlSeconds: 9 })])).toMatchObject([
      { weight: 3 },
    ])
  })

  it('treats the weight 0 within each priority on its own', () => {
    const found = instancesOf([
      record('a', { weight: 0 }),
      record('c', { weight: 0, priority: 1 }),
      record('c', { weight: 100 }),
    ])
    expect(found.map(({ host, weight, priority }) => [host, weight, priority])).toEqual([
      ['10.0.0.1', 1, 0],
      ['2001:db8::1', 100, 0],
    ])
  })

  it('refuses more than 4 096 instances', () => {
    const many = Array.from({ length: 4_097 }, (_, index) => record('a', { port: index + 1 }))
    expect(instancesOf(many.slice(1))).toHaveLength(4_096)
    expect(() => instancesOf(many)).toThrow(DnsFailure)
  })

  it('gives the same whatever the order, and only what core accepts', () => {
    const records = fc.array(
      fc.record({
        target: fc.constantFrom('a', 'b', 'c', 'alsoA', 'gone', ''),
        port: fc.constantFrom(80, 81),
        priority: fc.constantFrom(0, 1, 2),
        weight: fc.constantFrom(0, 1, 7, 65_535),
      }),
      { maxLength: 12 },
    )
    const shuffled = records.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length, maxLength: list.length })),
    )
    fc.assert(
      fc.property(shuffled, ([list, other]) => {
        const found = instancesOf(list.map(({ target, ...fields }) => record(target, fields)))
        expect(asSet(instancesOf(other.map(({ target, ...fields }) => record(target, fields))))).toEqual(asSet(found))
        const parsed = found.map(parseInstance)
        expect(new Set(parsed.map(({ id }) => id)).size).toBe(found.length)
        for (const { weight } of parsed) expect(weight).toBeGreaterThan(0)
      }),
      { seed: 20_240_607, numRuns: 500 },
    )
  })
})

describe('isDecidedlyUnavailable', () => {
  it('holds when there is nothing but the root', () => {
    expect(isDecidedlyUnavailable([record('')])).toBe(true)
    expect(isDecidedlyUnavailable([record(''), record('a')])).toBe(false)
    expect(isDecidedlyUnavailable([])).toBe(false)
  })
})
