import { describe, expect, it } from 'vitest'
import { boundedLatencyMs } from './latency.ts'

describe('a latency that comes from outside', () => {
  it.each([
    [12.5, 12.5],
    [0, 0],
    [3_600_000, 3_600_000],
    [1e300, 3_600_000],
    [-3, 0],
    [-1e300, 0],
    [Number.NaN, 0],
    [Number.POSITIVE_INFINITY, 0],
    [Number.NEGATIVE_INFINITY, 0],
  ])('of %d ms counts as %d ms', (given, counted) => {
    expect(boundedLatencyMs(given)).toBe(counted)
  })
})
