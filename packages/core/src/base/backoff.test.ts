import { seededRandom } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { fullJitterBackoffMs } from './backoff.ts'

describe('fullJitterBackoffMs', () => {
  it('doubles its longest delay with each retry up to the maximum', () => {
    const longest = [1, 2, 3, 4, 5, 6].map((number) => fullJitterBackoffMs(number, 25, 250, () => 1))
    expect(longest).toEqual([25, 50, 100, 200, 250, 250])
  })

  it('may be no delay at all', () => {
    expect(fullJitterBackoffMs(3, 25, 250, () => 0)).toBe(0)
  })

  it('stays finite for any number of retries', () => {
    for (const number of [100, 1_024, 1e9]) expect(fullJitterBackoffMs(number, 25, 250, () => 1)).toBe(250)
    expect(fullJitterBackoffMs(1e9, 0, 250, () => 1)).toBe(0)
  })

  it('is spread evenly over the whole range', () => {
    const random = seededRandom(11)
    const delays = Array.from({ length: 10_000 }, () => fullJitterBackoffMs(4, 25, 250, random))
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...delays)).toBeLessThan(200)
    // Uniform on [0, 200): mean 100, σ of the mean of 10 000 is 200 / √12 / 100 = 0.58; 5 σ = 2.9.
    const mean = delays.reduce((sum, delay) => sum + delay, 0) / delays.length
    expect(Math.abs(mean - 100)).toBeLessThan(2.9)
  })
})
