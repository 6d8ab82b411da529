import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PeakAverage } from './peak-average.ts'

const decayMs = 10_000

describe('PeakAverage', () => {
  // Finagle's figures for a peak of 100 ms: 100 × e^(−t/τ).
  it.each([
    [0, 100],
    [1_000, 90.48],
    [5_000, 60.65],
    [6_931, 50],
    [10_000, 36.79],
    [20_000, 13.53],
  ])('has come down from 100 ms, %i ms later, to %d ms', (laterMs, expected) => {
    const average = new PeakAverage(decayMs)
    average.observe(100, 500)
    expect(average.read(500 + laterMs)).toBeCloseTo(expected, 2)
  })

  it('gives 91.4354 after 10, 100 and 10 ms, a second apart', () => {
    const average = new PeakAverage(decayMs)
    average.observe(10, 0)
    average.observe(100, 1_000)
    expect(average.read(1_000)).toBe(100)
    average.observe(10, 2_000)
    expect(average.read(2_000)).toBeCloseTo(91.4354, 4)
  })

  it('is not changed by being read', () => {
    const average = new PeakAverage(decayMs)
    average.observe(100, 0)
    for (let nowMs = 0; nowMs < 5_000; nowMs += 10) average.read(nowMs)
    average.observe(20, 5_000)
    const kept = Math.exp(-0.5)
    expect(average.read(5_000)).toBeCloseTo(20 * (1 - kept) + 100 * kept, 9)
  })

  it('knows nothing until something is observed, be it 0', () => {
    const average = new PeakAverage(decayMs)
    expect(average.known).toBe(false)
    expect(average.read(7)).toBe(0)
    average.observe(0, 7)
    expect(average.known).toBe(true)
    expect(average.read(7)).toBe(0)
  })

  it('takes a clock that stands still, or goes back, for no time at all', () => {
    const average = new PeakAverage(decayMs)
    average.observe(100, 1_000)
    average.observe(10, 1_000)
    expect(average.read(1_000)).toBe(100)
    expect(average.read(0)).toBe(100)
  })

  it('jumps to a peak at once, and else stays between the sample and what was', () => {
    const sample = fc.record({ latencyMs: fc.double({ min: 0, max: 1e5, noNaN: true }), afterMs: fc.nat(30_000) })
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 20 }), (samples) => {
        const average = new PeakAverage(decayMs)
        let nowMs = -5_000
        for (const { latencyMs, afterMs } of samples) {
          nowMs += afterMs
          const before = average.lastMs
          average.observe(latencyMs, nowMs)
          const after = average.lastMs
          if (latencyMs >= before) expect(after).toBeCloseTo(latencyMs, 6)
          expect(after).toBeGreaterThanOrEqual(Math.min(latencyMs, before) - 1e-6)
          expect(after).toBeLessThanOrEqual(Math.max(latencyMs, before) + 1e-6)
          expect(average.read(nowMs)).toBe(after)
        }
      }),
      { seed: 20_240_607, numRuns: 1_000 },
    )
  })
})
