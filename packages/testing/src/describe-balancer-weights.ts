import type { ServiceInstance } from '@lb/core'
import { expect, it } from 'vitest'
import { type CreateBalancer, filled, first, idsOf, take } from './balancer-picks.ts'
import { instance, instances, weighted } from './instances.ts'

export function describeDrained(create: CreateBalancer): void {
  it('never gives an instance of weight 0 while another weight is positive', () => {
    const balancer = filled(create, 16, weighted({ a: 0, b: 2, c: 0, d: 1, e: 0 }))
    for (const { id } of take(balancer, 1_000)) expect(['b', 'd']).toContain(id)
    balancer.update(weighted({ a: 1, b: 0, c: 0, d: 1e-9 }))
    for (const { id } of take(balancer, 1_000)) expect(['a', 'd']).toContain(id)
  })
}

const weightSets: readonly Readonly<Record<string, number>>[] = [
  { a: 5, b: 1, c: 1 },
  { a: 1, b: 2, c: 3, d: 4, e: 0 },
  { a: 7, b: 3 },
  { a: 2, b: 2, c: 1, d: 1 },
  { a: 1, b: 1, c: 1 },
]

export function describeExactWeights(create: CreateBalancer): void {
  it.each(weightSets)('gives each instance exactly its weight in every cycle: %o', (weights) => {
    const cycle = sum(Object.values(weights))
    for (let seed = 0; seed < 20; seed++) {
      const balancer = filled(create, seed, weighted(weights))
      for (let round = 0; round < 3; round++) expect(counts(take(balancer, cycle), weights)).toEqual(weights)
    }
  })

  it.each(weightSets)('is exact again from the second cycle after a change: %o', (weights) => {
    const cycle = sum(Object.values(weights))
    for (let seed = 0; seed < 20; seed++) {
      const balancer = filled(create, seed, weighted({ d: 3, x: 2, a: 4 }))
      take(balancer, seed)
      balancer.update(weighted(weights))
      take(balancer, cycle)
      for (let round = 0; round < 3; round++) expect(counts(take(balancer, cycle), weights)).toEqual(weights)
    }
  })
}

export function describeStatisticalWeights(create: CreateBalancer): void {
  it.each(weightSets)('gives each instance its weight on average: %o', (weights) => {
    const picks = 20_000
    const total = sum(Object.values(weights))
    const counted = counts(take(filled(create, 17, weighted(weights)), picks), weights)
    for (const [id, weight] of Object.entries(weights)) {
      // A count is binomial, with deviation √(n p (1 − p)); a fair one is 5 deviations off once in 1.7 million.
      const share = weight / total
      const tolerance = 5 * Math.sqrt(picks * share * (1 - share))
      expect(Math.abs((counted[id] ?? 0) - picks * share), id).toBeLessThanOrEqual(tolerance)
    }
  })
}

export function describeApproximateWeights(create: CreateBalancer): void {
  it.each(weightSets)('gives each instance roughly its weight on average: %o', (weights) => {
    const picks = 20_000
    const total = sum(Object.values(weights))
    const counted = counts(take(filled(create, 17, weighted(weights)), picks), weights)
    for (const [id, weight] of Object.entries(weights)) {
      const expected = (picks * weight) / total
      expect(counted[id], id).toBeGreaterThanOrEqual(expected / 2)
      expect(counted[id], id).toBeLessThanOrEqual(expected * 2)
    }
  })
}

export function describeSequence(create: CreateBalancer): void {
  it('takes equal instances in turn, in list order', () => {
    for (let seed = 0; seed < 20; seed++) {
      const picked = idsOf(take(filled(create, seed, instances(5)), 20))
      const first = Number(picked[0]?.slice(1))
      expect(picked).toEqual(Array.from({ length: 20 }, (_, turn) => `i${(first + turn) % 5}`))
    }
  })

  const joined = instance('joined')
  it.each([
    [
      'leaves',
      (list: readonly ServiceInstance[], due: string) => list.filter(({ id }) => id !== passedOver(list, due)),
    ],
    ['joins', (list: readonly ServiceInstance[]) => [...list, joined]],
  ] as const)('goes on at the same instance when another %s', (_, change) => {
    for (let seed = 0; seed < 100; seed++) {
      const list = instances(2 + (seed % 5))
      const balancer = filled(create, seed, list)
      const twin = filled(create, seed, list)
      expect(take(balancer, seed % 7)).toEqual(take(twin, seed % 7))
      const due = first(...take(twin, 1)).id
      balancer.update(change(list, due))
      expect(idsOf(take(balancer, 1))).toEqual([due])
    }
  })
}

function passedOver(list: readonly ServiceInstance[], due: string): string | undefined {
  return idsOf(list).find((id) => id !== due)
}

function counts(picked: readonly ServiceInstance[], weights: Readonly<Record<string, number>>): Record<string, number> {
  const counted = Object.fromEntries(Object.keys(weights).map((id) => [id, 0]))
  for (const { id } of picked) counted[id] = (counted[id] ?? 0) + 1
  return counted
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
