import { seededRandom } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fiveDeviations } from '../../../test/tolerance.ts'
import { WeightedSample } from './weighted-sample.ts'

function sampleOf(weights: readonly number[], choices: number, random: () => number): WeightedSample {
  const sample = new WeightedSample(random, choices)
  sample.update(weights)
  return sample
}

function draw(sample: WeightedSample): number[] {
  return Array.from(sample.slots.subarray(0, sample.others(sample.first())))
}

const anyRandom = fc.oneof(
  fc.integer().map((seed) => seededRandom(seed)),
  fc.constantFrom(0, 1, 1 - 2 ** -53, Number.NaN).map((value) => () => value),
)

describe('WeightedSample', () => {
  it('draws as many different slots as asked for, or all when there are at most four, whatever random gives', () => {
    const weights = fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(1e-9, 1e300)), {
      minLength: 1,
      maxLength: 12,
    })
    fc.assert(
      fc.property(weights, fc.integer({ min: 2, max: 10 }), anyRandom, (list, choices, random) => {
        const sample = sampleOf(list, choices, random)
        for (let turn = 0; turn < 5; turn++) {
          const drawn = draw(sample)
          expect(new Set(drawn).size).toBe(drawn.length)
          expect(drawn.length).toBe(list.length <= 4 ? list.length : Math.min(choices, list.length))
          for (const slot of drawn) expect(list[slot]).toBeGreaterThan(0)
        }
      }),
      { seed: 20_240_607, numRuns: 2_000 },
    )
  })

  it.each([[[1, 1, 1, 1, 1, 1]], [[5, 1, 3, 1, 2, 8]], [[0.5, 0.25, 0.25, 2, 1]]])(
    'draws by weight, and again by weight among the rest: %j',
    (weights) => {
      const draws = 50_000
      const sample = sampleOf(weights, 3, seededRandom(1))
      const total = weights.reduce((sum, weight) => sum + weight, 0)
      const pairs = new Map<string, number>()
      for (let turn = 0; turn < draws; turn++) {
        const [first, second] = draw(sample)
        pairs.set(`${first} ${second}`, (pairs.get(`${first} ${second}`) ?? 0) + 1)
      }
      for (const [first, weight] of weights.entries()) {
        for (const [second, other] of weights.entries()) {
          const share = first === second ? 0 : (weight / total) * (other / (total - weight))
          const count = pairs.get(`${first} ${second}`) ?? 0
          expect(Math.abs(count - draws * share)).toBeLessThanOrEqual(fiveDeviations(draws, share))
        }
      }
    },
  )

  it('draws the first by weight also when all slots follow', () => {
    const draws = 20_000
    const sample = sampleOf([5, 2, 1], 2, seededRandom(2))
    const firsts = [0, 0, 0]
    for (let turn = 0; turn < draws; turn++) {
      const [first] = draw(sample) as [number]
      firsts[first] = (firsts[first] as number) + 1
    }
    for (const [slot, share] of [5 / 8, 2 / 8, 1 / 8].entries()) {
      expect(Math.abs((firsts[slot] as number) - draws * share)).toBeLessThan(fiveDeviations(draws, share))
    }
  })

  it('leaves out what is excluded, and draws the first of the rest by weight', () => {
    const draws = 20_000
    const sample = sampleOf([5, 2, 1, 1], 2, seededRandom(3))
    let first = 0
    for (let turn = 0; turn < draws; turn++) {
      const count = sample.allExcept((slot) => slot === 0)
      const slots = Array.from(sample.slots.subarray(0, count))
      expect(slots.toSorted((a, b) => a - b)).toEqual([1, 2, 3])
      if (slots[0] === 1) first++
    }
    expect(Math.abs(first - draws / 2)).toBeLessThan(fiveDeviations(draws, 0.5))
    expect(sample.allExcept(() => true)).toBe(0)
  })

  it.each([
    [
      [0, 0],
      [1, 1],
    ],
    [
      [1, 3],
      [0.5, 1.5],
    ],
    [
      [Number.MAX_VALUE, Number.MAX_VALUE],
      [1, 1],
    ],
    [
      [Number.MIN_VALUE, Number.MIN_VALUE],
      [1, 1],
    ],
  ])('scales the weights %j to a mean of 1', (weights, scaled) => {
    expect(Array.from(sampleOf(weights, 2, Math.random).weights)).toEqual(scaled)
  })
})
