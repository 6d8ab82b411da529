import { InvalidOptionError } from '@lb/core'
import { describe, expect, it } from 'vitest'
import { type LatencyProfile, latencySampler } from './latency-profile.ts'
import { randomTree } from './random-tree.ts'

const count = 100_000

function drawn(profile: LatencyProfile): number[] {
  const sample = latencySampler('profile', profile, randomTree(3)('samples'))
  return Array.from({ length: count }, sample).sort((left, right) => left - right)
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

describe('latencySampler', () => {
  it('gives a constant as it is', () => {
    expect(new Set(drawn(12.5))).toEqual(new Set([12.5]))
  })

  it('draws uniformly between the ends', () => {
    const values = drawn({ kind: 'uniform', minMs: 10, maxMs: 30 })
    expect(values[0]).toBeGreaterThanOrEqual(10)
    expect(values.at(-1)).toBeLessThan(30)
    // The deviation of the mean is 20 ÷ sqrt(12 × 100 000) = 0.018; five of them.
    expect(Math.abs(mean(values) - 20)).toBeLessThan(0.092)
  })

  it('draws exponentially with the given mean', () => {
    const values = drawn({ kind: 'exponential', meanMs: 40 })
    // The deviation of the mean is 40 ÷ sqrt(100 000) = 0.126; five of them.
    expect(Math.abs(mean(values) - 40)).toBeLessThan(0.64)
    // The median is 40 × ln 2 = 27.73, its deviation 40 ÷ sqrt(100 000) again.
    expect(Math.abs((values[count / 2] as number) - 40 * Math.LN2)).toBeLessThan(0.64)
  })

  it('draws lognormally with the given median and spread', () => {
    const values = drawn({ kind: 'lognormal', medianMs: 20, sigma: 0.8 })
    // Deviations in the logarithm: median 0.8 × 1.2533 ÷ sqrt(100 000) = 0.0032; p99 0.8 × sqrt(0.99 × 0.01) ÷
    // (0.02665 × sqrt(100 000)) = 0.0094. Five of each.
    expect(Math.abs(Math.log((values[count / 2] as number) / 20))).toBeLessThan(0.016)
    expect(Math.abs(Math.log((values[0.99 * count] as number) / 20) - 2.326 * 0.8)).toBeLessThan(0.047)
  })

  it('draws recorded samples, each as often as the others', () => {
    const samplesMs = [1, 2, 2, 50]
    const values = drawn({ kind: 'recorded', samplesMs })
    expect(new Set(values)).toEqual(new Set(samplesMs))
    // 100 000 × 1/4 with a deviation of sqrt(100 000 × 3/16) = 137; five of them.
    expect(Math.abs(values.filter((value) => value === 50).length - 25_000)).toBeLessThan(685)
  })

  it('names what is wrong with a profile', () => {
    const wrong: [LatencyProfile, string][] = [
      [-1, 'profile'],
      [{ kind: 'uniform', minMs: 5, maxMs: 4 }, 'profile.maxMs'],
      [{ kind: 'exponential', meanMs: Number.NaN }, 'profile.meanMs'],
      [{ kind: 'lognormal', medianMs: 1, sigma: -1 }, 'profile.sigma'],
      [{ kind: 'recorded', samplesMs: [] }, 'profile.samplesMs'],
      [{ kind: 'recorded', samplesMs: [1, -2] }, 'profile.samplesMs[1]'],
      [{ kind: 'pareto' } as never, 'profile'],
    ]
    for (const [profile, option] of wrong) {
      expect(() => latencySampler('profile', profile, Math.random)).toThrow(
        expect.objectContaining({ name: InvalidOptionError.name, option }),
      )
    }
  })
})
