import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toIntegerWeights } from './integer-weights.ts'

describe('toIntegerWeights', () => {
  it.each([
    [
      [5, 1, 1],
      [5, 1, 1],
    ],
    [
      [100, 50],
      [2, 1],
    ],
    [
      [6, 0, 9],
      [2, 0, 3],
    ],
    [
      [0.5, 1.5],
      [1, 3],
    ],
    [
      [0.1, 0.2, 0.3],
      [1, 2, 3],
    ],
    [
      [99.9, 0.1],
      [999, 1],
    ],
    [
      [0.001, 1],
      [1, 1_000],
    ],
    [
      [1e-6, 1],
      [1, 1_000_000],
    ],
    [[7], [1]],
    [[], []],
  ])('takes %j as %j', (weights, expected) => {
    expect(Array.from(toIntegerWeights(weights))).toEqual(expected)
  })

  it.each([[[0]], [[0, 0, 0]]])('counts %j as equal', (weights) => {
    expect(Array.from(toIntegerWeights(weights))).toEqual(weights.map(() => 1))
  })

  it('keeps huge weights in proportion', () => {
    expect(Array.from(toIntegerWeights([Number.MAX_VALUE, Number.MAX_VALUE / 2]))).toEqual([2, 1])
    expect(Array.from(toIntegerWeights([1e300, 1e300, 0]))).toEqual([1, 1, 0])
    const [large = 0, small = 0] = toIntegerWeights([3e300, 1e300])
    expect(large / small).toBeCloseTo(3, 6)
  })

  it.each([
    [[1e-12, 3e-12], 3],
    [[1e-7, 2e-7], 2],
    [[1e-9, 1e-8], 10],
    [[Number.MIN_VALUE, Number.MIN_VALUE * 4], 4],
  ])('keeps tiny weights in proportion: %j', (weights, expected) => {
    const [small = 0, large = 0] = toIntegerWeights(weights)
    expect(large / small).toBeCloseTo(expected, 3)
  })

  it('leaves something to a positive weight beside one that is larger by any factor', () => {
    for (const large of [1, 1e10, 1e300, Number.MAX_VALUE]) {
      const [, small] = toIntegerWeights([large, 1e-12, 0])
      expect(small).toBe(1)
    }
  })

  it('gives integers without a common divisor, in the same proportion, for integers up to 2³¹', () => {
    const list = fc.array(fc.integer({ min: 0, max: 2 ** 31 }), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(list, (weights) => {
        fc.pre(weights.some((weight) => weight > 0))
        const integers = Array.from(toIntegerWeights(weights))
        const scale = Math.max(...weights) / Math.max(...integers)
        expect(Number.isInteger(scale)).toBe(true)
        expect(integers.map((weight) => weight * scale)).toEqual(weights)
        expect(integers.reduce(greatestCommonDivisor)).toBe(1)
      }),
      { seed: 1, numRuns: 1_000 },
    )
  })

  it('keeps zero zero, positive positive and sums exact, for any weights', () => {
    const list = fc.array(fc.double({ min: 0, max: Number.MAX_VALUE, noNaN: true }), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(list, (weights) => {
        const integers = Array.from(toIntegerWeights(weights))
        const none = weights.every((weight) => weight === 0)
        for (const [index, weight] of integers.entries()) {
          expect(Number.isInteger(weight)).toBe(true)
          expect(weight > 0).toBe(none || (weights[index] ?? 0) > 0)
        }
        expect(Number.isSafeInteger(integers.reduce((sum, weight) => sum + weight, 0))).toBe(true)
      }),
      { seed: 2, numRuns: 1_000 },
    )
  })
})

function greatestCommonDivisor(left: number, right: number): number {
  return right === 0 ? left : greatestCommonDivisor(right, left % right)
}
