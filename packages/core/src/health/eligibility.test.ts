import { instance } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ServiceInstance } from '../instance.ts'
import { type EligibilityResult, judgeEligibility } from './eligibility.ts'

function judged(...list: ServiceInstance[]): { candidates: string[]; verdicts: EligibilityResult['verdicts'] } {
  const { candidates, verdicts } = judgeEligibility(list)
  return { candidates: candidates.map(({ id }) => id), verdicts }
}

describe('judgeEligibility', () => {
  it('takes every instance with a weight for a candidate, in list order', () => {
    expect(judged(instance('b'), instance('a', { weight: 0.1 }))).toEqual({
      candidates: ['b', 'a'],
      verdicts: ['available', 'available'],
    })
  })

  it('finds no candidate in an empty list', () => {
    expect(judged()).toEqual({ candidates: [], verdicts: [] })
  })

  it('drains weight 0, even when all have it', () => {
    expect(judged(instance('a', { weight: 0 }), instance('b'))).toEqual({
      candidates: ['b'],
      verdicts: ['drained', 'available'],
    })
    expect(judged(instance('a', { weight: 0 }))).toEqual({ candidates: [], verdicts: ['drained'] })
  })

  it('leaves out what the registry calls unhealthy, and only that', () => {
    const list = [instance('a', { healthy: false }), instance('b', { healthy: true }), instance('c')]
    expect(judged(...list)).toEqual({ candidates: ['b', 'c'], verdicts: ['unhealthy', 'available', 'available'] })
  })

  it('calls an unhealthy instance of weight 0 drained', () => {
    expect(judged(instance('a', { weight: 0, healthy: false })).verdicts).toEqual(['drained'])
  })

  it('uses the lowest priority number, wherever it stands in the list', () => {
    const list = [instance('b', { priority: 1 }), instance('c', { priority: 9 }), instance('a', { priority: 1 })]
    expect(judged(...list)).toEqual({ candidates: ['b', 'a'], verdicts: ['available', 'standby', 'available'] })
  })

  it('moves on to the next priority when nobody of the first is usable', () => {
    const first = [instance('a', { weight: 0 }), instance('b', { healthy: false })]
    expect(judged(...first, instance('c', { priority: 1 }), instance('d', { priority: 2 }))).toEqual({
      candidates: ['c'],
      verdicts: ['drained', 'unhealthy', 'available', 'standby'],
    })
  })

  it('judges any list as the rules say, one verdict for each instance', () => {
    const any = fc.record({
      weight: fc.constantFrom(0, 0.5, 1),
      priority: fc.nat(2),
      healthy: fc.constantFrom(true, false, undefined),
    })
    fc.assert(
      fc.property(fc.array(any, { maxLength: 8 }), (fields) => {
        const list = fields.map(({ weight, priority, healthy }, index) =>
          instance(`i${index}`, healthy === undefined ? { weight, priority } : { weight, priority, healthy }),
        )
        const usable = list.filter(({ weight, healthy }) => weight > 0 && healthy !== false)
        const lowest = Math.min(...usable.map(({ priority }) => priority))
        const { candidates, verdicts } = judgeEligibility(list)
        expect(candidates).toEqual(usable.filter(({ priority }) => priority === lowest))
        expect(verdicts).toHaveLength(list.length)
        expect(list.filter((_, index) => verdicts[index] === 'available')).toEqual(candidates)
        expect(candidates.length > 0).toBe(usable.length > 0)
      }),
      { seed: 20_240_607, numRuns: 1_000 },
    )
  })
})
