import { instance } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ServiceInstance } from '../instance/instance.ts'
import { distinctById } from './balancer.ts'
import { candidateOrigins } from './candidate-origins.ts'

const pool = Array.from({ length: 200 }, (_, index) => instance(`i${index}`))
const changed = pool.map((each) => Object.freeze({ ...each, weight: 2 }))

/** What it must find, with nothing but hashing; of an id that occurs twice either one will do. */
function expectOrigins(before: readonly ServiceInstance[], given: readonly ServiceInstance[]): void {
  const { candidates, origins, joined, gone, changed: replaced } = candidateOrigins(before, given)
  expect(candidates).toEqual(distinctById(given))
  const places = new Map(before.map(({ id }, place) => [id, place]))
  expect(Array.from(origins)).toEqual(candidates.map(({ id }) => places.get(id) ?? -1))
  const ids = new Set(candidates.map(({ id }) => id))
  expect([...gone]).toEqual(before.filter(({ id }) => !ids.has(id)))
  expect(joined).toEqual(candidates.filter(({ id }) => !places.has(id)))
  const pairs = candidates.map((each) => [before[places.get(each.id) ?? -1], each] as const)
  expect([...replaced]).toEqual(pairs.filter(([known, each]) => known !== undefined && known !== each))
}

describe('where candidates stood before', () => {
  it('is found as by hashing, whatever leaves, joins, moves, changes or occurs twice', () => {
    const list = fc.array(fc.tuple(fc.nat(199), fc.boolean()), { maxLength: 250 })
    fc.assert(
      fc.property(list, list, fc.boolean(), (first, second, isRelated) => {
        const of = (entries: readonly [number, boolean][]): ServiceInstance[] =>
          entries.map(([index, isChanged]) => (isChanged ? changed : pool)[index] as ServiceInstance)
        const before = distinctById(of(first))
        expectOrigins(before, isRelated ? [...before.filter((_, index) => index % 7 !== 3), ...of(second)] : of(second))
      }),
      { seed: 20_240_607, numRuns: 2_000 },
    )
  })

  it('is found beyond a long run of removals', () => {
    expectOrigins(pool, [...pool.slice(0, 10), ...pool.slice(150), ...changed.slice(10, 12)])
  })

  it('is told beside a copy', () => {
    const given = pool.slice(0, 3)
    const { candidates } = candidateOrigins([], given)
    given.pop()
    expect(candidates).toHaveLength(3)
  })
})
