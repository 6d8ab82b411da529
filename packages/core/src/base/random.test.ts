import { seededRandom } from '@lb/testing'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { jittered, randomInteger, systemRandom } from './random.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

describe('randomInteger', () => {
  it.each([
    [0, 0],
    [0.25, 1],
    [0.999_999, 3],
    [1, 3],
    [7, 3],
    [-1, 0],
    [Number.NaN, 0],
    [Number.POSITIVE_INFINITY, 3],
    [Number.NEGATIVE_INFINITY, 0],
  ])('stays within the bound when the generator gives %s', (value, expected) => {
    expect(randomInteger(() => value, 4)).toBe(expected)
  })

  it('gives every integer below the bound about equally often', () => {
    const random = seededRandom(1)
    const counts = [0, 0, 0, 0, 0]
    for (let draw = 0; draw < 10_000; draw++) {
      const value = randomInteger(random, 5)
      counts[value] = (counts[value] ?? 0) + 1
    }
    // Binomial with n = 10 000, p = 1/5: σ = 40, so 5 σ = 200 around 2 000.
    for (const count of counts) expect(Math.abs(count - 2_000)).toBeLessThan(200)
  })
})

describe('jittered', () => {
  it('only ever shortens, by at most the ratio', () => {
    const unit = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })
    fc.assert(
      fc.property(fc.nat(60_000), unit, unit, (delayMs, ratio, value) => {
        const result = jittered(delayMs, ratio, () => value)
        expect(result).toBeLessThanOrEqual(delayMs)
        expect(result).toBeGreaterThanOrEqual(delayMs * (1 - ratio) - 1e-6)
      }),
      { seed: 20_240_604, numRuns: 1_000 },
    )
  })

  it('leaves the delay alone when the ratio is 0', () => {
    expect(jittered(1_000, 0, () => 0.9)).toBe(1_000)
  })
})

describe('systemRandom', () => {
  it('follows a Math.random that is replaced later', () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.125)
    expect(systemRandom()).toBe(0.125)
  })
})
