import { instance } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type EligibilityPolicy, type EligibilityResult, type Judged, judgeEligibility } from './eligibility.ts'
import { panicPolicy } from './panic.ts'
import { zonePolicy } from './zone-options.ts'

type Fields = Parameters<typeof instance>[1] & { problem?: Judged['problem'] }

const noPanic: EligibilityPolicy = { panic: panicPolicy(false), zone: undefined }
const panicAll: EligibilityPolicy = { panic: panicPolicy(undefined), zone: undefined }
const panicFail: EligibilityPolicy = { panic: panicPolicy({ mode: 'fail' }), zone: undefined }

/** The result, with what it says of each of `list`, in the same order. */
function judge(list: readonly Judged[], policy: EligibilityPolicy) {
  const { verdictOf, isCandidate, ...result } = judgeEligibility(list, policy)
  return { ...result, verdicts: list.map(verdictOf), candidates: list.map(isCandidate) }
}

function judged(id: string, { problem, ...fields }: Fields = {}): Judged {
  return { candidate: instance(id, fields), problem }
}

/** Groups as `{ key: ids }`. */
function groupsOf({ groups }: Pick<EligibilityResult, 'groups'>): Record<string, string[]> {
  return Object.fromEntries(groups.map(({ key, candidates }) => [key, candidates.map(({ id }) => id)]))
}

function sharesOf({ groups }: Pick<EligibilityResult, 'groups'>): number[] {
  return groups.map(({ share }) => Math.round(share * 1e6) / 1e6)
}

describe('judgeEligibility', () => {
  it('takes every instance with a weight for a candidate, in list order', () => {
    const result = judge([judged('b'), judged('a', { weight: 0.1 })], panicAll)
    expect(groupsOf(result)).toEqual({ 0: ['b', 'a'] })
    expect(result).toMatchObject({ verdicts: ['available', 'available'], candidates: [true, true], panic: undefined })
  })

  it('finds no candidate in an empty list', () => {
    expect(judge([], panicAll)).toEqual({
      groups: [],
      verdicts: [],
      candidates: [],
      panic: undefined,
      zone: undefined,
    })
  })

  it('drains weight 0, even when all have it, also in panic', () => {
    const result = judge([judged('a', { weight: 0 }), judged('b', { problem: 'ejected' })], panicAll)
    expect(groupsOf(result)).toEqual({ 0: ['b'] })
    expect(result.verdicts).toEqual(['drained', 'ejected'])
    expect(judge([judged('a', { weight: 0 })], panicAll)).toMatchObject({
      groups: [],
      verdicts: ['drained'],
      candidates: [false],
    })
  })

  it.each(['unhealthy', 'ejected', 'half-open'] as const)('leaves out what is %s, and only that', (problem) => {
    const result = judge([judged('a', { problem }), judged('b'), judged('c')], panicAll)
    expect(groupsOf(result)).toEqual({ 0: ['b', 'c'] })
    expect(result.verdicts).toEqual([problem, 'available', 'available'])
    expect(result.candidates).toEqual([false, true, true])
  })

  it('calls an unhealthy instance of weight 0 drained', () => {
    expect(judge([judged('a', { weight: 0, problem: 'unhealthy' })], panicAll).verdicts).toEqual(['drained'])
  })

  it('uses the lowest priority number, wherever it stands in the list', () => {
    const list = [judged('b', { priority: 1 }), judged('c', { priority: 9 }), judged('a', { priority: 1 })]
    const result = judge(list, panicAll)
    expect(groupsOf(result)).toEqual({ 1: ['b', 'a'] })
    expect(result.verdicts).toEqual(['available', 'standby', 'available'])
  })

  it('moves on to the next priority when nobody of the first is usable', () => {
    const list = [
      judged('a', { weight: 0 }),
      judged('b', { problem: 'unhealthy' }),
      judged('c', { priority: 1 }),
      judged('d', { priority: 2 }),
    ]
    const result = judge(list, panicAll)
    expect(groupsOf(result)).toEqual({ 1: ['c'] })
    expect(result.verdicts).toEqual(['drained', 'unhealthy', 'available', 'standby'])
    expect(result.panic).toBeUndefined()
  })

  it('spills what a level cannot take: half of each healthy gives 70 : 30', () => {
    const list = [0, 1].flatMap((priority) => [
      judged(`good${priority}`, { priority }),
      judged(`bad${priority}`, { priority, problem: 'ejected' }),
    ])
    const result = judge(list, panicAll)
    expect(groupsOf(result)).toEqual({ 0: ['good0'], 1: ['good1'] })
    expect(sharesOf(result)).toEqual([0.7, 0.3])
  })
})

describe('judgeEligibility in panic', () => {
  const oneOfThree = [judged('a'), judged('b', { problem: 'unhealthy' }), judged('c', { problem: 'ejected' })]

  it('uses everybody with a weight, and says so', () => {
    const result = judge(oneOfThree, panicAll)
    expect(groupsOf(result)).toEqual({ 0: ['a', 'b', 'c'] })
    expect(result.verdicts).toEqual(['available', 'unhealthy', 'ejected'])
    expect(result.candidates).toEqual([true, true, true])
    expect(result.panic).toBe('panic: 1 of 3 healthy, health is ignored')
  })

  it('uses nobody in the mode fail', () => {
    const result = judge(oneOfThree, panicFail)
    expect(result.groups).toEqual([])
    expect(result.candidates).toEqual([false, false, false])
    expect(result.panic).toBe('panic: 1 of 3 healthy, none of them is used')
  })

  it('does not happen without panic: one healthy instance takes everything, and none leaves nobody', () => {
    expect(groupsOf(judge(oneOfThree, noPanic))).toEqual({ 0: ['a'] })
    expect(judge(oneOfThree.slice(1), noPanic)).toMatchObject({ groups: [], panic: undefined })
  })

  it('is a matter of each level', () => {
    const list = [
      ...['a', 'b'].map((id) => judged(id)),
      judged('c', { problem: 'unhealthy' }),
      judged('d', { priority: 1, problem: 'unhealthy' }),
      judged('e', { priority: 1, problem: 'unhealthy' }),
      judged('f', { priority: 1, problem: 'unhealthy' }),
    ]
    // 1.4 × 2 of 3 is 93 %, and nobody of the second level is healthy: it has no share, although it panics.
    const result = judge(list, panicAll)
    expect(groupsOf(result)).toEqual({ 0: ['a', 'b'] })
    expect(sharesOf(result)).toEqual([1])
    expect(result.panic).toBeUndefined()
  })

  it('gives the part of a level that fails to the others, so that shares still sum to 1', () => {
    const list = [
      judged('a'),
      ...['b', 'c', 'd'].map((id) => judged(id, { problem: 'ejected' })),
      judged('e', { priority: 1 }),
      judged('f', { priority: 1, problem: 'ejected' }),
      // 35 % and 70 % would be enough; 35 % and 46 % are not.
      judged('g', { priority: 1, problem: 'ejected' }),
      judged('h', { priority: 2 }),
      judged('i', { priority: 2, problem: 'ejected' }),
      ...['j', 'k', 'l', 'm', 'n', 'o', 'p', 'q'].map((id) => judged(id, { priority: 2, problem: 'ejected' })),
    ]
    const all = judge(list, panicAll)
    expect(groupsOf(all)[0]).toHaveLength(4)
    expect(sharesOf(all).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5)
    const lenient = { panic: panicPolicy({ mode: 'fail', threshold: 0.3 }), zone: undefined }
    const result = judge(list, lenient)
    expect(groupsOf(result)).toEqual({ 1: ['e'] })
    expect(sharesOf(result)).toEqual([1])
  })
})

describe('judgeEligibility with zones', () => {
  const zoned = ['a', 'a', 'a', 'b', 'b', 'c'].map((zone, index) => judged(`${zone}${index}`, { zone }))

  it('makes a group of the local zone and one of the others', () => {
    const result = judge(zoned, { ...panicAll, zone: zonePolicy('a') })
    expect(groupsOf(result)).toEqual({ '0/a': ['a0', 'a1', 'a2'], '0 others': ['b3', 'b4', 'c5'] })
    expect(result.groups[0]).toMatchObject({ share: 1, spillAt: 1.5 })
    expect(result.zone).toMatchObject({ active: true })
    expect(result.verdicts.every((verdict) => verdict === 'available')).toBe(true)
  })

  it('keeps apart a zone whose name looks like the key of the others', () => {
    const odd = zoned.map(({ candidate, problem }) => ({
      candidate: candidate.zone === 'a' ? instance(candidate.id, { zone: ' others' }) : candidate,
      problem,
    }))
    const { groups } = judge(odd, { ...panicAll, zone: zonePolicy(' others') })
    expect(new Set(groups.map(({ key }) => key)).size).toBe(2)
  })

  it('makes one group while zone routing is inactive, under the key it has without zones', () => {
    const result = judge(zoned, { ...panicAll, zone: zonePolicy({ local: 'a', minInstances: 7 }) })
    expect(Object.keys(groupsOf(result))).toEqual(['0'])
    expect(result.zone).toMatchObject({ active: false, reason: '6 usable instances, fewer than 7' })
  })

  it('multiplies the shares of levels and zones', () => {
    const level = (priority: number): Judged[] => [
      ...['a', 'b', 'b', 'c'].map((zone, index) => judged(`${zone}${index}p${priority}`, { zone, priority })),
      ...['a', 'b', 'b', 'c'].map((zone, index) =>
        judged(`x${index}p${priority}`, { zone, priority, problem: 'ejected' }),
      ),
    ]
    const zone = zonePolicy({ local: 'a', minInstances: 1, minLocalHealth: 0.5, clients: { a: 40, b: 40, c: 20 } })
    const result = judge([...level(0), ...level(1)], { ...panicAll, zone })
    // 70 : 30, each split 62.5 : 25 : 12.5.
    expect(sharesOf(result)).toEqual([0.4375, 0.175, 0.0875, 0.1875, 0.075, 0.0375])
  })
})

describe('judgeEligibility of any list', () => {
  const any = fc.record({
    weight: fc.constantFrom(0, 0.5, 1),
    priority: fc.nat(2),
    zone: fc.constantFrom('a', 'b', 'c'),
    problem: fc.constantFrom(undefined, undefined, 'unhealthy' as const, 'ejected' as const, 'half-open' as const),
  })
  const policies = fc.record({
    panic: fc.constantFrom(noPanic.panic, panicAll.panic, panicFail.panic),
    zone: fc.constantFrom(undefined, zonePolicy({ local: 'a', minInstances: 2 })),
  })

  it('gives one verdict each, groups without overlap whose shares sum to 1, and candidates that are in them', () => {
    fc.assert(
      fc.property(fc.array(any, { maxLength: 10 }), policies, (fields, policy) => {
        const list = fields.map((each, index) => judged(`i${index}`, each))
        const { groups, verdicts, candidates } = judge(list, policy)
        expect(verdicts).toHaveLength(list.length)
        const grouped = groups.flatMap((group) => group.candidates.map(({ id }) => id))
        expect(new Set(grouped).size).toBe(grouped.length)
        const expected = list.filter((_, index) => candidates[index]).map(({ candidate }) => candidate.id)
        expect(grouped.toSorted()).toEqual(expected.toSorted())
        for (const group of groups) expect(group.candidates.length).toBeGreaterThan(0)
        const sum = groups.reduce((all, { share }) => all + share, 0)
        expect(Math.abs(sum - (groups.length > 0 ? 1 : 0))).toBeLessThan(1e-9)
        for (const [index, { candidate, problem }] of list.entries()) {
          expect(candidate.weight === 0).toBe(verdicts[index] === 'drained')
          if (candidate.weight > 0 && problem !== undefined) expect(verdicts[index]).toBe(problem)
        }
        const weighted = list.filter(({ candidate }) => candidate.weight > 0)
        const usable =
          policy.panic === panicAll.panic ? weighted : weighted.filter(({ problem }) => problem === undefined)
        if (policy.panic !== panicFail.panic) expect(groups.length > 0).toBe(usable.length > 0)
      }),
      { seed: 20_240_607, numRuns: 2_000 },
    )
  })
})
