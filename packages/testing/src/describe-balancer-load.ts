import type { Balancer } from '@lb/core'
import { expect, it } from 'vitest'
import { type CreateBalancer, filled, first, idsOf, pick, success, take } from './balancer-picks.ts'
import { instance, instances } from './instances.ts'

export function describeLoad(create: CreateBalancer): void {
  it.each([2, 3, 4, 5, 10])('gives none of %i to one that does not answer, while the others do', (count) => {
    for (let seed = 0; seed < 20; seed++) {
      const list = instances(count)
      const stuck = first(...list)
      const balancer = filled(create, seed, list)
      balancer.started?.(stuck)
      for (const picked of take(balancer, 100)) expect(picked).not.toBe(stuck)
    }
  })

  it('spreads requests that all stay in flight evenly', () => {
    for (let seed = 0; seed < 20; seed++) {
      const balancer = filled(create, seed, instances(3))
      expect(Object.values(startMany(balancer, 30))).toEqual([10, 10, 10])
    }
  })

  it('gives again to one whose requests have ended', () => {
    const list = instances(2)
    const busy = first(...list)
    const balancer = filled(create, 18, list)
    for (let request = 0; request < 5; request++) balancer.started?.(busy)
    for (let request = 0; request < 5; request++) balancer.finished?.(busy, success)
    expect(idsOf(take(balancer, 100))).toContain('i0')
  })

  describeLoadThroughUpdates(create)

  it('is not misled by ends of requests it was never told of', () => {
    const [a, b] = [instance('i0'), instance('i1')]
    const balancer = filled(create, 20, [a, b])
    for (let request = 0; request < 5; request++) balancer.finished?.(a, success)
    balancer.started?.(a)
    for (const picked of take(balancer, 50)) expect(picked).toBe(b)
  })
}

function describeLoadThroughUpdates(create: CreateBalancer): void {
  it('knows of the requests in flight after an update, also of one that was away', () => {
    const list = instances(3)
    const busy = first(...list)
    const others = list.slice(1)
    const balancer = filled(create, 19, list)
    balancer.started?.(busy)
    balancer.update(list.toReversed())
    for (const picked of take(balancer, 50)) expect(picked).not.toBe(busy)
    for (const without of [others, []]) {
      balancer.update(without)
      balancer.update(list)
      for (const picked of take(balancer, 50)) expect(picked).not.toBe(busy)
    }
    balancer.finished?.(busy, success)
    expect(idsOf(take(balancer, 100))).toContain('i0')
  })

  it('takes one with the same id at another address for a new one', () => {
    const list = instances(2)
    const moving = first(...list)
    const other = first(...list.slice(1))
    const moved = instance(moving.id, { host: '127.0.0.9' })
    const balancer = filled(create, 21, [moving, other])
    for (let request = 0; request < 5; request++) balancer.started?.(moving)
    balancer.update([moved, other])
    // Requests in flight at the old address do not divert picks from the new one, and their ends free nothing there.
    expect(startMany(balancer, 10)).toEqual({ i0: 5, i1: 5 })
    for (let request = 0; request < 5; request++) balancer.finished?.(moving, success)
    for (let request = 0; request < 5; request++) balancer.finished?.(other, success)
    for (const picked of take(balancer, 50)) expect(picked).toBe(other)
  })
}

/** Requests that all stay in flight, counted by id. */
function startMany(balancer: Balancer, count: number): Record<string, number> {
  const counted: Record<string, number> = {}
  for (let request = 0; request < count; request++) {
    const picked = pick(balancer)
    balancer.started?.(picked)
    counted[picked.id] = (counted[picked.id] ?? 0) + 1
  }
  return counted
}
