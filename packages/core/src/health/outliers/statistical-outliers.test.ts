import { seededRandom } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { outlierDetectionSettings } from './options.ts'
import { type RequestCounts, statisticalOutliers } from './statistical-outliers.ts'

const defaults = outlierDetectionSettings({})
const onlyRate = outlierDetectionSettings({ failurePercentage: false })
const onlyPercentage = outlierDetectionSettings({ successRate: false })

function counts(...failures: readonly number[]): RequestCounts[] {
  return failures.map((failed) => ({ requests: 100, failures: failed }))
}

/** Failures of those that were found. */
function found(subjects: readonly RequestCounts[], settings = defaults): number[] {
  return statisticalOutliers(subjects, settings).map(({ subject }) => subject.failures)
}

describe('failure percentage', () => {
  it('finds those of which the limit or more failed, whatever the others do', () => {
    expect(found(counts(85), onlyPercentage)).toEqual([85])
    expect(found(counts(84), onlyPercentage)).toEqual([])
    expect(found(counts(90, 0, 85, 84, 100), onlyPercentage)).toEqual([100, 90, 85])
  })

  it('leaves out an instance with too few requests, be they all failures', () => {
    expect(found([{ requests: 49, failures: 49 }], onlyPercentage)).toEqual([])
    expect(found([{ requests: 50, failures: 50 }], onlyPercentage)).toEqual([50])
    expect(found([{ requests: 0, failures: 0 }], onlyPercentage)).toEqual([])
  })

  it('judges none with fewer instances than asked for, of those with enough requests', () => {
    const settings = outlierDetectionSettings({ failurePercentage: { minimumInstances: 3 }, successRate: false })
    expect(found([...counts(90, 90), { requests: 10, failures: 0 }], settings)).toEqual([])
    expect(found(counts(90, 90, 0), settings)).toEqual([90, 90])
  })

  it('says what it saw', () => {
    const [outlier] = statisticalOutliers([{ requests: 120, failures: 110 }], defaults)
    expect(outlier).toMatchObject({
      reason: 'failure-percentage',
      detail: '91.67 % of 120 requests failed, the limit is 85 %',
    })
  })
})

describe('success rate', () => {
  it('judges none with fewer instances than asked for, of those with enough requests', () => {
    const settings = (minimumInstances: number): typeof defaults =>
      outlierDetectionSettings({ failurePercentage: false, successRate: { standardDeviations: 1, minimumInstances } })
    expect(found(counts(90, 0, 0, 0), settings(5))).toEqual([])
    expect(found(counts(90, 0, 0, 0), settings(4))).toEqual([90])
  })

  it('finds one far below the others', () => {
    const subjects = counts(0, 0, 50, 0, 0)
    expect(found(subjects, onlyRate)).toEqual([50])
    // Mean 90 %, σ 20 %, the limit 90 − 1.9 × 20 = 52.
    expect(statisticalOutliers(subjects, onlyRate)[0]).toMatchObject({
      reason: 'success-rate',
      detail: '50 % of 100 requests succeeded, the limit is 52 % where the mean of 5 instances is 90 %',
    })
  })

  // One dead of n is sqrt(n − 1) deviations from the mean, k dead are sqrt((n − k)/k).
  it.each([
    [4, 1, false],
    [5, 1, true],
    [5, 2, false],
    [9, 2, false],
    [10, 2, true],
    [13, 3, false],
    [14, 3, true],
  ])('of %i instances with %i dead finds them: %s, and failure percentage always does', (size, dead, finds) => {
    const failures = Array.from({ length: size }, (_, index) => (index < dead ? 100 : 0))
    const settings = outlierDetectionSettings({ failurePercentage: false, successRate: { minimumInstances: 1 } })
    expect(found(counts(...failures), settings)).toHaveLength(finds ? dead : 0)
    expect(found(counts(...failures))).toHaveLength(dead)
  })

  it('needs five instances with enough requests', () => {
    const few = { requests: 99, failures: 0 }
    expect(found([...counts(0, 0, 0, 60), few], onlyRate)).toEqual([])
    expect(found([...counts(0, 0, 0, 60, 0), few], onlyRate)).toEqual([60])
  })

  it('finds nobody among equals, whatever their rate: rounding makes no outlier', () => {
    const strictest = outlierDetectionSettings({ failurePercentage: false, successRate: { standardDeviations: 0 } })
    fc.assert(
      fc.property(
        fc.integer({ min: 5, max: 40 }),
        fc.integer({ min: 100, max: 999 }),
        fc.nat(999),
        (size, requests, f) => {
          const failures = Math.min(f, requests)
          expect(
            found(
              Array.from({ length: size }, () => ({ requests, failures })),
              strictest,
            ),
          ).toEqual([])
        },
      ),
      { seed: 20_240_607, numRuns: 2_000 },
    )
  })

  it('does not take a single failure for an outlier among instances without any', () => {
    expect(found(counts(0, 1, 0, 0, 0))).toEqual([])
    expect(found([...counts(0, 0, 0, 0), { requests: 10_000, failures: 1 }])).toEqual([])
    // Ten of a hundred are no chance any more.
    expect(found(counts(0, 10, 0, 0, 0))).toEqual([10])
  })

  it('finds little among instances that differ by chance only', () => {
    const random = seededRandom(1)
    const rounds = 2_000
    let outliers = 0
    for (let round = 0; round < rounds; round++) {
      const failures = Array.from({ length: 5 }, () => {
        let failed = 0
        for (let request = 0; request < 100; request++) if (random() < 0.001) failed++
        return failed
      })
      outliers += found(counts(...failures)).length
    }
    // Two failures of 100 at 0.1 %: at most 100² / 2 × 0.001² = 0.5 % of the instances, so 2.5 % of the rounds: 50 expected,
    // with deviation 7, five of them above. Mean − k·σ alone finds one in every round with one failure: a third, over 600.
    expect(outliers).toBeLessThan(85)
  })
})

describe('statistical outliers', () => {
  it('are told once each, the worst first', () => {
    const subjects = counts(0, 95, 0, 0, 100, 0, 0, 0, 0, 0, 0, 40, 0, 0, 0, 0, 0, 0, 0, 0)
    const outliers = statisticalOutliers(
      subjects,
      outlierDetectionSettings({ successRate: { standardDeviations: 0.5 } }),
    )
    expect(outliers.map(({ subject, reason }) => [subject.failures, reason])).toEqual([
      [100, 'failure-percentage'],
      [95, 'failure-percentage'],
      [40, 'success-rate'],
    ])
  })

  it('are none with both turned off', () => {
    expect(
      found(counts(0, 0, 0, 0, 100), { ...defaults, failurePercentage: undefined, successRate: undefined }),
    ).toEqual([])
  })

  it('by success rate are below the mean, and never everybody', () => {
    const any = fc.record({
      requests: fc.integer({ min: 0, max: 300 }),
      ratio: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    fc.assert(
      fc.property(fc.array(any, { maxLength: 30 }), (fields) => {
        const subjects = fields.map(({ requests, ratio }) => ({ requests, failures: Math.floor(requests * ratio) }))
        const judged = subjects.filter(({ requests }) => requests >= 100)
        const rates = judged.map(({ requests, failures }) => 1 - failures / requests)
        const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length
        const outliers = statisticalOutliers(subjects, onlyRate)
        for (const { subject } of outliers) expect(1 - subject.failures / subject.requests).toBeLessThan(mean)
        expect(outliers.length).toBeLessThan(Math.max(1, judged.length))
        if (judged.length < 5) expect(outliers).toEqual([])
      }),
      { seed: 20_240_607, numRuns: 2_000 },
    )
  })
})
