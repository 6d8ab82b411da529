import { describe, expect, it } from 'vitest'
import { heapDrift, heapInUse } from '../src/heap.ts'

describe('heapDrift', () => {
  it('is the largest difference from the first sample, up or down', () => {
    expect(heapDrift([100, 104, 97])).toBeCloseTo(0.04)
    expect(heapDrift([100, 104, 88, 101])).toBeCloseTo(-0.12)
    expect(heapDrift([100, 100])).toBe(0)
  })

  it('is undefined for fewer than two samples', () => {
    expect(heapDrift([])).toBeUndefined()
    expect(heapDrift([100])).toBeUndefined()
  })
})

describe('heapInUse', () => {
  it('leaves out what nobody holds any more', () => {
    const before = heapInUse()
    let ballast: number[] | undefined = Array.from({ length: 2_000_000 }, (_, index) => index + 0.5)
    const held = heapInUse() - before
    expect(ballast.length).toBe(2_000_000)
    ballast = undefined
    // 16 MB of doubles; the rest of the process hardly moves.
    expect(held).toBeGreaterThan(10_000_000)
    expect(heapInUse() - before).toBeLessThan(5_000_000)
  })
})
