import type { Balancer } from '@lb/core'
import { expect, it } from 'vitest'
import { type CreateBalancer, filled, idsOf, pick } from './balancer-picks.ts'
import { instance, instances, weighted } from './instances.ts'

const keys: readonly string[] = Array.from({ length: 1_000 }, (_, index) => `user-${index}`)

const list = weighted({ a: 3, b: 1, c: 2, d: 1, e: 1 })

export function describeHashing(create: CreateBalancer): void {
  describeOwners(create)
  describeMoves(create)
}

function describeOwners(create: CreateBalancer): void {
  it('gives the same instance for the same key, whatever else is picked', () => {
    const balancer = filled(create, 21, list)
    const owners = ownersOf(balancer)
    for (let pick = 0; pick < 50; pick++) balancer.pick()
    expect(ownersOf(balancer)).toEqual(owners)
    expect(new Set(owners)).toEqual(new Set(idsOf(list)))
  })

  it('gives the same instance for a key in every process, whatever the order of the list and what was before', () => {
    const owners = ownersOf(filled(create, 22, list))
    const other = filled(create, 23, weighted({ x: 4, a: 1, e: 2 }))
    ownersOf(other)
    other.update(list.toReversed())
    expect(ownersOf(other)).toEqual(owners)
  })

  it('takes the empty string for a key like any other', () => {
    const picked = Array.from({ length: 20 }, (_, seed) => filled(create, seed, list).pick({ hashKey: '' })?.id)
    expect(new Set(picked).size).toBe(1)
  })

  it('gives the same other instance for the same key when the one it belongs to is to be avoided', () => {
    const balancer = filled(create, 26, list)
    const other = filled(create, 27, list)
    const standIns = new Set<string>()
    for (const hashKey of keys) {
      const owner = pick(balancer, { hashKey }).id
      const standIn = pick(balancer, { hashKey, avoid: new Set([owner]) }).id
      expect(standIn).not.toBe(owner)
      expect(other.pick({ hashKey, avoid: new Set([owner]) })?.id).toBe(standIn)
      if (owner === 'a') standIns.add(standIn)
      if (standIns.size === list.length - 1) break
    }
    expect(standIns.size).toBe(list.length - 1)
  })
}

function describeMoves(create: CreateBalancer): void {
  it('moves the keys of an instance that goes, and few others', () => {
    const before = ownersOf(filled(create, 24, instances(10)))
    const balancer = filled(create, 24, instances(10))
    balancer.update(instances(10).filter(({ id }) => id !== 'i4'))
    const after = ownersOf(balancer)
    expect(after).not.toContain('i4')
    expect(moved(before, after)).toBeLessThan(0.1 * keys.length)
    balancer.update(instances(10))
    expect(ownersOf(balancer)).toEqual(before)
  })

  it('moves keys to an instance that comes, and few others', () => {
    const balancer = filled(create, 25, instances(10))
    const before = ownersOf(balancer)
    balancer.update([instance('joined'), ...instances(10)])
    const after = ownersOf(balancer)
    expect(after).toContain('joined')
    const others = after.map((owner, key) => (owner === 'joined' ? before[key] : owner))
    expect(moved(before, others)).toBeLessThan(0.1 * keys.length)
  })
}

function ownersOf(balancer: Balancer): string[] {
  return idsOf(keys.map((hashKey) => pick(balancer, { hashKey })))
}

/** Keys whose owner is another, though it was not the one that went. */
function moved(before: readonly string[], after: readonly (string | undefined)[]): number {
  return before.filter((owner, key) => owner !== after[key] && after.includes(owner)).length
}
