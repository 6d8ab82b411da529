import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ListDifferences, listDifferences } from './list-differences.ts'

function differences(before: readonly number[], after: readonly number[]): ListDifferences {
  return listDifferences(before, after, (item, known) => item === known)
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index)
}

describe('listDifferences', () => {
  it('are none between equal lists', () => {
    expect(differences([], [])).toEqual({ gone: [], fresh: [] })
    expect(differences(numbers(0, 300), numbers(0, 300))).toEqual({ gone: [], fresh: [] })
  })

  it('are what was removed, put in its place, inserted and appended', () => {
    expect(differences([1, 2, 3, 4], [1, 9, 3, 8, 4, 7])).toEqual({ gone: [1], fresh: [1, 3, 5] })
    expect(differences([1, 2, 3], [])).toEqual({ gone: [0, 1, 2], fresh: [] })
  })

  it('goes on beyond a long run of insertions, and a run of up to 63 removals', () => {
    expect(differences(numbers(0, 200), [...numbers(1_000, 1_100), ...numbers(63, 200)])).toEqual({
      gone: numbers(0, 63),
      fresh: numbers(0, 100),
    })
  })

  it('leave the same elements in the same order, whatever the lists', () => {
    const list = fc.uniqueArray(fc.nat(150), { maxLength: 150 })
    fc.assert(
      fc.property(list, list, fc.boolean(), (first, second, isRelated) => {
        const after = isRelated ? [...first.filter((each) => each % 7 !== 3), ...second] : second
        const { gone, fresh } = differences(first, after)
        expect(after.filter((_, index) => !fresh.includes(index))).toEqual(
          first.filter((_, index) => !gone.includes(index)),
        )
      }),
      { seed: 20_240_702, numRuns: 500 },
    )
  })
})
