import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type LevelHealth, levelLoads } from './priority-levels.ts'

function level(healthy: number, total = 100): LevelHealth {
  return { healthy, total }
}

function shares(levels: readonly LevelHealth[], threshold = 0.5): number[] {
  return levelLoads(levels, threshold).map(({ share }) => Math.round(share * 1e6) / 1e6)
}

function panics(levels: readonly LevelHealth[], threshold = 0.5): boolean[] {
  return levelLoads(levels, threshold).map(({ panic }) => panic)
}

describe('levelLoads', () => {
  // Envoy's documentation, "Priority levels", and grown by hand from its formula.
  it.each([
    [
      [100, 100],
      [1, 0],
    ],
    [
      [72, 72],
      [1, 0],
    ],
    [
      [71, 71],
      [0.99, 0.01],
    ],
    [
      [50, 50],
      [0.7, 0.3],
    ],
    [
      [50, 100],
      [0.7, 0.3],
    ],
    [
      [25, 100],
      [0.35, 0.65],
    ],
    [
      [0, 100],
      [0, 1],
    ],
    [
      [25, 25],
      [0.5, 0.5],
    ],
    [
      [20, 20, 10],
      [0.4, 0.4, 0.2],
    ],
    [
      [25, 25, 100],
      [0.35, 0.35, 0.3],
    ],
  ])('gives levels that are %j %% healthy the shares %j', (healthy, expected) => {
    expect(shares(healthy.map((each) => level(each)))).toEqual(expected)
  })

  it('gives the only level everything, however few are healthy', () => {
    for (const healthy of [0, 1, 50, 100]) expect(shares([level(healthy)])).toEqual([1])
  })

  it('gives nobody anything when there is nobody', () => {
    expect(levelLoads([], 0.5)).toEqual([])
    expect(levelLoads([level(0, 0), level(0, 0)], 0.5)).toEqual([
      { share: 0, panic: false },
      { share: 0, panic: false },
    ])
  })

  it('counts 5 of 7 healthy instances as a whole level: 1.4 × 5 ÷ 7 is 1', () => {
    expect(shares([level(5, 7), level(7, 7)])).toEqual([1, 0])
  })

  it('lets a level panic below the threshold, and not at it', () => {
    expect(panics([level(49)])).toEqual([true])
    expect(panics([level(50)])).toEqual([false])
    expect(panics([level(1, 2)])).toEqual([false])
    expect(panics([level(1, 3)])).toEqual([true])
    expect(panics([level(9, 100)], 0.1)).toEqual([true])
    expect(panics([level(99)], 1)).toEqual([false])
  })

  it('lets nobody panic while all levels together can take everything', () => {
    // 1.4 × 10 + 1.4 × 62 ≥ 100.
    expect(panics([level(10), level(62)])).toEqual([false, false])
    expect(panics([level(10), level(61)])).toEqual([true, false])
  })

  it('lets each level panic on its own', () => {
    expect(panics([level(60), level(10)])).toEqual([false, true])
    expect(panics([level(10), level(10)])).toEqual([true, true])
  })

  it('shares by size when no level has a healthy instance', () => {
    expect(levelLoads([level(0, 3), level(0, 1), level(0, 0)], 0.5)).toEqual([
      { share: 0.75, panic: true },
      { share: 0.25, panic: true },
      { share: 0, panic: false },
    ])
  })

  it('never panics with a threshold of 0: without a healthy instance nobody gets anything', () => {
    expect(levelLoads([level(0, 3), level(0, 1)], 0)).toEqual([
      { share: 0, panic: false },
      { share: 0, panic: false },
    ])
    expect(levelLoads([level(1, 100)], 0)).toEqual([{ share: 1, panic: false }])
  })

  it('always shares out exactly 1, or 0 when nobody is left', () => {
    const anyLevel = fc.nat(40).chain((total) => fc.nat(total).map((healthy) => ({ healthy, total })))
    fc.assert(
      fc.property(fc.array(anyLevel, { maxLength: 6 }), fc.constantFrom(0, 0.1, 0.5, 1), (levels, threshold) => {
        const loads = levelLoads(levels, threshold)
        const sum = loads.reduce((all, { share }) => all + share, 0)
        const used = threshold > 0 ? levels.some(({ total }) => total > 0) : levels.some(({ healthy }) => healthy > 0)
        // A handful of additions of doubles.
        expect(Math.abs(sum - (used ? 1 : 0))).toBeLessThan(1e-9)
        for (const [index, { share, panic }] of loads.entries()) {
          const { healthy, total } = levels[index] as LevelHealth
          expect(share).toBeGreaterThanOrEqual(0)
          if (share > 0) expect(panic ? total : healthy).toBeGreaterThan(0)
          if (panic) expect(healthy).toBeLessThan(threshold * total)
        }
      }),
      { seed: 20_240_607, numRuns: 1_000 },
    )
  })

  it('never takes traffic from a level when one of its instances recovers', () => {
    const anyLevel = fc.integer({ min: 1, max: 40 }).chain((total) => {
      return fc.nat(total).map((healthy) => ({ healthy, total }))
    })
    fc.assert(
      fc.property(anyLevel, anyLevel, ({ healthy, total }, second) => {
        if (healthy === 0 || healthy === total) return
        const before = shares([{ healthy, total }, second])[0] as number
        const after = shares([{ healthy: healthy + 1, total }, second])[0] as number
        expect(after).toBeGreaterThanOrEqual(before)
      }),
      { seed: 20_240_607, numRuns: 1_000 },
    )
  })
})
