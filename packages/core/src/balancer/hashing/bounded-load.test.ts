import { instances, weighted } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ServiceInstance } from '../../instance/instance.ts'
import { BoundedLoad } from './bounded-load.ts'
import { MaglevBalancer } from './maglev.ts'
import { RingHashBalancer } from './ring-hash.ts'

function filled(factor: number, list: readonly ServiceInstance[]): BoundedLoad {
  const load = new BoundedLoad(factor)
  load.update(list, list)
  return load
}

describe('BoundedLoad', () => {
  it('has room for a factor of the share, rounded up', () => {
    const list = instances(4)
    const load = filled(1.25, list)
    const room = (): number => {
      let taken = 0
      for (; load.hasRoom(0); taken++) load.started(list[0] as ServiceInstance)
      return taken
    }
    // ⌈1.25 × 1 ÷ 4⌉, then with 60 on the others the most n for which n − 1 < ⌈1.25 × (60 + n) ÷ 4⌉.
    expect(room()).toBe(1)
    for (const other of list.slice(1)) for (let request = 0; request < 20; request++) load.started(other)
    expect(1 + room()).toBe(28)
  })

  it('gives room by weight', () => {
    const list = weighted({ a: 3, b: 1 })
    const load = filled(1, list)
    const taken = [0, 0]
    for (let request = 0; request < 400; request++) {
      const slot = load.hasRoom(1) ? 1 : 0
      expect(load.hasRoom(slot)).toBe(true)
      load.started(list[slot] as ServiceInstance)
      taken[slot] = (taken[slot] as number) + 1
    }
    expect(taken).toEqual([300, 100])
  })

  it('always has room somewhere, whatever is in flight and comes or goes', () => {
    const list = weighted({ a: 5, b: 1, c: 0.3, d: 1e-9, e: 2 })
    const step = fc.record({ at: fc.nat(4), start: fc.boolean(), keep: fc.option(fc.subarray(list, { minLength: 1 })) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), fc.double({ min: 1, max: 3, noNaN: true }), (steps, factor) => {
        const load = filled(factor, list)
        let members: readonly ServiceInstance[] = list
        for (const { at, start, keep } of steps) {
          const instance = list[at] as ServiceInstance
          if (start) load.started(instance)
          else load.finished(instance)
          if (keep !== null) members = keep
          load.update(members, members)
          expect(members.some((_, slot) => load.hasRoom(slot))).toBe(true)
        }
      }),
      { seed: 20_240_607, numRuns: 1_000 },
    )
  })
})

describe.each([
  ['RingHashBalancer', (loadFactor?: number) => new RingHashBalancer(loadFactor === undefined ? {} : { loadFactor })],
  ['MaglevBalancer', (loadFactor?: number) => new MaglevBalancer(loadFactor === undefined ? {} : { loadFactor })],
] as const)('%s with a load factor', (_, create) => {
  const hashKey = 'the one everybody wants'

  it('keeps a key where it belongs without one, however busy that is', () => {
    const balancer = create()
    balancer.update(instances(5))
    const owner = balancer.pick({ hashKey }) as ServiceInstance
    for (let request = 0; request < 100; request++) balancer.started(owner)
    expect(balancer.pick({ hashKey })).toBe(owner)
  })

  it('keeps every instance within the factor of the mean, also when all requests have the same key', () => {
    const balancer = create(1.25)
    const list = instances(10)
    balancer.update(list)
    const active = new Map<string, number>()
    for (let request = 1; request <= 1_000; request++) {
      const picked = balancer.pick({ hashKey }) as ServiceInstance
      balancer.started(picked)
      active.set(picked.id, (active.get(picked.id) ?? 0) + 1)
      expect(active.get(picked.id)).toBeLessThanOrEqual(Math.ceil((1.25 * request) / list.length))
    }
  })

  it('gives the key back to its owner when that has room again', () => {
    const balancer = create(1.25)
    balancer.update(instances(5))
    const owner = balancer.pick({ hashKey }) as ServiceInstance
    balancer.started(owner)
    const standIn = balancer.pick({ hashKey })
    expect(standIn).not.toBe(owner)
    expect(balancer.pick({ hashKey })).toBe(standIn)
    balancer.finished(owner)
    expect(balancer.pick({ hashKey })).toBe(owner)
  })

  it('rather gives one that is busy than one that is to be avoided', () => {
    const balancer = create(1.25)
    const list = instances(5)
    balancer.update(list)
    const [last, ...others] = list as [ServiceInstance, ...ServiceInstance[]]
    for (let request = 0; request < 50; request++) balancer.started(last)
    expect(balancer.pick({ hashKey, avoid: new Set(others.map(({ id }) => id)) })).toBe(last)
  })

  it('gives the first that is not to be avoided when all of those are busy', () => {
    const [balancer, unbounded] = [create(1.25), create()]
    const list = instances(5)
    for (const each of [balancer, unbounded]) each.update(list)
    for (const busy of list.slice(0, 3)) for (let request = 0; request < 20; request++) balancer.started(busy)
    const avoid = new Set(['i3', 'i4'])
    for (let key = 0; key < 50; key++) {
      const request = { hashKey: `key-${key}`, avoid }
      expect(balancer.pick(request)).toBe(unbounded.pick(request))
    }
  })

  it('knows of the requests in flight after an update', () => {
    const balancer = create(1.25)
    balancer.update(instances(5))
    const owner = balancer.pick({ hashKey }) as ServiceInstance
    balancer.started(owner)
    balancer.update(instances(5).filter(({ id }) => id !== owner.id))
    balancer.update(instances(5).toReversed())
    expect(balancer.pick({ hashKey })?.id).not.toBe(owner.id)
  })

  it('passes over a busy one also for requests without a key', () => {
    const balancer = create(1.25)
    const list = instances(4)
    balancer.update(list)
    for (let request = 0; request < 9; request++) balancer.started(list[0] as ServiceInstance)
    for (let pick = 0; pick < 200; pick++) expect(balancer.pick()).not.toBe(list[0])
  })

  it.each([0.9, 1_001, Number.NaN, '1.25'])('refuses the factor %j', (loadFactor) => {
    expect(() => create(loadFactor as number)).toThrow(/loadFactor must be a finite number in \[1, 1000\]/)
  })
})
