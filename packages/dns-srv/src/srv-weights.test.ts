import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { partsOf, withoutZeros } from './srv-weights.ts'

const runs = { seed: 20_240_607, numRuns: 500 }
const weight = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 65_535 }))
const weights = fc.array(weight, { minLength: 1, maxLength: 20 })

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

describe('withoutZeros', () => {
  it.each<[readonly number[], readonly number[]]>([
    [
      [5, 1, 3],
      [5, 1, 3],
    ],
    [
      [0, 0, 0],
      [1, 1, 1],
    ],
    [[0], [1]],
    // The sum is 100: RFC 2782 gives the zero 1 in 100.
    [
      [60, 40, 0],
      [60, 40, 1],
    ],
    [
      [60, 40, 0, 0],
      [120, 80, 1, 1],
    ],
    // The sum is small, where RFC 2782's own draw would give the zero a half: 1 in 100.
    [
      [1, 0],
      [100, 1],
    ],
    [
      [10, 20, 0],
      [100, 200, 3],
    ],
    // A large sum: as rare as RFC 2782 has it.
    [
      [65_535, 0],
      [65_535, 1],
    ],
  ])('%j become %j', (given, expected) => {
    expect(withoutZeros(given)).toEqual(expected)
  })

  it('makes positive integers, and leaves weights alone that have no zero among them', () => {
    fc.assert(
      fc.property(weights, (given) => {
        const made = withoutZeros(given)
        for (const value of made) expect(Number.isInteger(value) && value > 0).toBe(true)
        if (!given.includes(0)) expect(made).toEqual(given)
      }),
      runs,
    )
  })

  it('keeps the proportions of the others, and gives all zeros together 1 in the sum, at most 1 in 100', () => {
    fc.assert(
      fc.property(weights, (given) => {
        const total = sum(given)
        if (total === 0 || !given.includes(0)) return
        const made = withoutZeros(given)
        const others = sum(made.filter((_, index) => given[index] !== 0))
        const zeros = made.filter((_, index) => given[index] === 0)
        for (const [index, value] of given.entries()) {
          // Only multiplications and divisions: 9 digits are exact.
          if (value !== 0) expect((made[index] ?? 0) / others).toBeCloseTo(value / total, 9)
        }
        expect(new Set(zeros).size).toBe(1)
        expect(sum(zeros) / others).toBeCloseTo(1 / Math.max(total, 100), 9)
      }),
      runs,
    )
  })

  it('does not depend on the order', () => {
    fc.assert(
      fc.property(weights, (given) => {
        expect(withoutZeros(given.toReversed())).toEqual(withoutZeros(given).toReversed())
      }),
      runs,
    )
  })
})

describe('partsOf', () => {
  it.each<[readonly number[], readonly number[], readonly number[]]>([
    [
      [5, 1],
      [1, 1],
      [5, 1],
    ],
    [
      [10, 10],
      [2, 1],
      [10, 20],
    ],
    [
      [1, 1],
      [3, 2],
      [2, 3],
    ],
    [[7], [0], [7]],
    // The common multiple is more than 10 000: fractions then.
    [
      [101, 103],
      [101, 103],
      [1, 1],
    ],
  ])('weights %j over %j addresses are %j each', (given, counts, expected) => {
    expect(partsOf(given, counts)).toEqual(expected)
  })

  it('gives the addresses of a target together its share of the weight', () => {
    const entries = fc.array(
      fc.record({ weight: fc.integer({ min: 1, max: 65_535 }), count: fc.integer({ min: 1, max: 40 }) }),
      { minLength: 1, maxLength: 8 },
    )
    fc.assert(
      fc.property(entries, (given) => {
        const parts = partsOf(
          given.map((entry) => entry.weight),
          given.map((entry) => entry.count),
        )
        const together = given.map(({ count }, index) => count * (parts[index] ?? 0))
        const total = sum(given.map((entry) => entry.weight))
        for (const [index, entry] of given.entries()) {
          expect((together[index] ?? 0) / sum(together)).toBeCloseTo(entry.weight / total, 9)
        }
      }),
      runs,
    )
  })
})
