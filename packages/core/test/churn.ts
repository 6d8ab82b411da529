import { instance } from '@lb/testing'
import fc from 'fast-check'
import type { Balancer } from '../src/balancer/balancer.ts'
import type { ServiceInstance } from '../src/instance/instance.ts'

/** One step in the life of a balancer. The numbers choose among whatever is in the list by then. */
export type ChurnStep =
  | { readonly type: 'pick'; readonly times: number }
  | { readonly type: 'avoid'; readonly ids: readonly string[] }
  | { readonly type: 'add'; readonly id: string; readonly at: number; readonly weight: number }
  | { readonly type: 'remove'; readonly at: number }
  | { readonly type: 'reweight'; readonly at: number; readonly weight: number }
  | { readonly type: 'reorder'; readonly order: readonly number[] }
  | { readonly type: 'identical' }
  | { readonly type: 'empty' }

const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
const at = fc.nat(7)
const weight = fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 0, max: 9 }) }, fc.constantFrom(0, 100, 0.5, 2.5))

const step: fc.Arbitrary<ChurnStep> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('pick'), times: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('add'), id: fc.constantFrom(...ids), at, weight }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('avoid'), ids: fc.subarray(ids) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('remove'), at }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('reweight'), at, weight }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('reorder'), order: fc.array(fc.nat(99), { minLength: 8 }) }) },
  { weight: 1, arbitrary: fc.constant({ type: 'identical' }) },
  { weight: 1, arbitrary: fc.constant({ type: 'empty' }) },
)

/** Additions, removals, reweightings, reorderings and picks, in any order. */
export const churn: fc.Arbitrary<ChurnStep[]> = fc.array(step, { minLength: 1, maxLength: 40 })

/** Fixed, so that a failure is the same on every machine. */
export const churnRuns: { readonly seed: number; readonly numRuns: number } = { seed: 20_250_101, numRuns: 1_000 }

/** The list after `step`, always a fresh array; for a step that changes nothing, with equal members. */
export function changed(list: readonly ServiceInstance[], step: ChurnStep): ServiceInstance[] {
  switch (step.type) {
    case 'add': {
      if (list.some(({ id }) => id === step.id)) return [...list]
      return list.toSpliced(step.at % (list.length + 1), 0, instance(step.id, { weight: step.weight }))
    }
    case 'remove':
      return list.filter((_, index) => index !== step.at % list.length)
    case 'reweight':
      return list.map((member, index) =>
        index === step.at % list.length ? instance(member.id, { weight: step.weight }) : member,
      )
    case 'reorder': {
      const ranked = list.map((member, index) => ({ member, rank: step.order[index % step.order.length] ?? 0 }))
      return ranked.sort((left, right) => left.rank - right.rank).map(({ member }) => member)
    }
    case 'empty':
      return []
    default:
      return list.map((member) => instance(member.id, { weight: member.weight }))
  }
}

/** What the members may ask for: nobody of weight 0 among positive ones, unless weights are ignored. */
export function positive(list: readonly ServiceInstance[]): readonly ServiceInstance[] {
  const some = list.filter((member) => member.weight > 0)
  return some.length > 0 ? some : list
}

/** `count` picks, counted by id. */
export function countPicks(balancer: Balancer, count: number): Record<string, number> {
  const counts: Record<string, number> = {}
  for (let pick = 0; pick < count; pick++) {
    const id = balancer.pick()?.id ?? 'nobody'
    counts[id] = (counts[id] ?? 0) + 1
  }
  return counts
}
