import { FakeClock } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InvalidOptionError } from '../base/errors.ts'
import { LatencyQuantile, type LatencyQuantileOptions } from './latency-quantile.ts'

/** The ⌈q × n⌉-th smallest. `perMille`, so that the rank is exact. */
function exactQuantile(latencies: readonly number[], perMille: number): number {
  const sorted = latencies.toSorted((one, other) => one - other)
  return sorted[Math.max(1, Math.ceil((perMille * sorted.length) / 1_000)) - 1] as number
}

function observed(latencies: Iterable<number>, options: LatencyQuantileOptions = {}): LatencyQuantile {
  const quantile = new LatencyQuantile({ clock: new FakeClock(), ...options })
  for (const latencyMs of latencies) quantile.observe(latencyMs)
  return quantile
}

/** 0.1 ms to 36 minutes, even on a logarithmic scale. */
const latency = fc.double({ min: -1, max: Math.log10(36 * 60_000), noNaN: true }).map((exponent) => 10 ** exponent)

describe('LatencyQuantile', () => {
  it('is within 5 % of the exact quantile', () => {
    fc.assert(
      fc.property(
        fc.array(latency, { minLength: 1, maxLength: 300 }),
        fc.oneof(fc.nat(1_000), fc.constantFrom(0, 500, 900, 950, 990, 999, 1_000)),
        (latencies, perMille) => {
          const estimate = observed(latencies, { minSamples: 1 }).quantile(perMille / 1_000) as number
          const exact = exactQuantile(latencies, perMille)
          expect(Math.abs(estimate - exact)).toBeLessThanOrEqual(0.05 * exact)
        },
      ),
      { seed: 20_240_607, numRuns: 2_000 },
    )
  })

  it('is within 5 % of what every request takes', () => {
    for (let latencyMs = 0.1; latencyMs < 3_600_000; latencyMs *= 1.003) {
      const estimate = observed(Array(20).fill(latencyMs)).quantile(0.95) as number
      expect(Math.abs(estimate / latencyMs - 1)).toBeLessThanOrEqual(0.05)
    }
  })

  it('takes the rank that is meant, although q × n is a little more in binary', () => {
    expect(0.07 * 100).toBeGreaterThan(7)
    const estimate = observed([...Array(7).fill(1), ...Array(93).fill(1_000)]).quantile(0.07) as number
    expect(estimate).toBeLessThan(1.05)
  })

  it('says nothing until there are enough requests', () => {
    const quantile = observed(Array(19).fill(5))
    expect(quantile.quantile(0.95)).toBeUndefined()
    quantile.observe(5)
    expect(quantile.quantile(0.95)).toBeCloseTo(5, 0)
    expect(observed([5, 5], { minSamples: 3 }).quantile(0.5)).toBeUndefined()
    expect(observed([5, 5, 5], { minSamples: 3 }).quantile(0.5)).toBeDefined()
  })

  it('leaves out what is no duration', () => {
    const quantile = observed([Number.NaN, -1, Number.NEGATIVE_INFINITY], { minSamples: 1 })
    expect(quantile.quantile(0.5)).toBeUndefined()
  })

  it('counts what is out of its range as the end of it', () => {
    expect(observed(Array(20).fill(0)).quantile(1)).toBeCloseTo(0.1, 1)
    for (const latencyMs of [1e9, Number.MAX_VALUE, Number.POSITIVE_INFINITY]) {
      const estimate = observed(Array(20).fill(latencyMs)).quantile(0) as number
      expect(estimate).toBeGreaterThan(3_500_000)
      expect(estimate).toBeLessThan(3_800_000)
    }
  })

  it('follows a change within a window', () => {
    const clock = new FakeClock(0)
    const quantile = new LatencyQuantile({ clock })
    for (let second = 0; second < 180; second++) {
      for (let request = 0; request < 10; request++) quantile.observe(second < 90 ? 10 : 100)
      clock.advanceSync(1_000)
      const median = quantile.quantile(0.5) as number
      // Half of the minute is new after 30 s, give or take a sixth of the window.
      if (second > 2 && second < 110) expect(median).toBeLessThan(11)
      if (second > 130) expect(median).toBeGreaterThan(95)
      if (second > 150) expect(quantile.quantile(0)).toBeGreaterThan(95)
    }
  })

  it('remembers nothing after a window of silence', () => {
    for (const silenceMs of [60_000, 61_234, 86_400_000, 1e12]) {
      const clock = new FakeClock()
      const quantile = observed(Array(20).fill(5), { clock })
      clock.advanceSync(silenceMs)
      expect(quantile.quantile(0.5)).toBeUndefined()
      for (let request = 0; request < 20; request++) quantile.observe(70)
      expect(quantile.quantile(0)).toBeGreaterThan(66)
    }
  })

  it('agrees with a list of everything that happened within the window', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('observe' as const), value: latency }),
      fc.record({ kind: fc.constant('wait' as const), value: fc.constantFrom(1, 9, 10, 25, 59, 60, 600) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: -500, max: 500 }), (steps, startMs) => {
        const clock = new FakeClock(startMs)
        // Slices of 10 ms.
        const quantile = new LatencyQuantile({ windowMs: 60, minSamples: 1, clock })
        const past: { readonly slice: number; readonly latencyMs: number }[] = []
        for (const { kind, value } of steps) {
          if (kind === 'wait') clock.advanceSync(value)
          else {
            quantile.observe(value)
            past.push({ slice: Math.floor(clock.now() / 10), latencyMs: value })
          }
          const newest = Math.floor(clock.now() / 10)
          const counted = past.filter(({ slice }) => slice > newest - 6).map(({ latencyMs }) => latencyMs)
          const estimate = quantile.quantile(0.9)
          if (counted.length === 0) expect(estimate).toBeUndefined()
          else {
            const exact = exactQuantile(counted, 900)
            expect(Math.abs((estimate as number) - exact)).toBeLessThanOrEqual(0.05 * exact)
          }
        }
      }),
      { seed: 20_240_607, numRuns: 500 },
    )
  })
})

describe('the options of LatencyQuantile', () => {
  it.each([
    [{ windowMs: 5 }, 'windowMs', 'a number of milliseconds in [6, 2147483647], got 5 (number)'],
    [{ minSamples: 0 }, 'minSamples', 'an integer in [1, 1000000], got 0 (number)'],
    [{ clock: 1 }, 'clock', 'a Clock with now and setTimeout, got 1 (number)'],
  ])('refuse %j', (options, name, rest) => {
    const build = (): unknown => new LatencyQuantile(options as unknown as LatencyQuantileOptions)
    expect(build).toThrow(InvalidOptionError)
    expect(build).toThrow(
      expect.objectContaining({
        option: `LatencyQuantile.${name}`,
        message: `LatencyQuantile.${name} must be ${rest}`,
      }),
    )
  })

  it('suggest the nearest name for an unknown one', () => {
    expect(() => new LatencyQuantile({ minSample: 5 } as LatencyQuantileOptions)).toThrow('Did you mean minSamples?')
  })
})
