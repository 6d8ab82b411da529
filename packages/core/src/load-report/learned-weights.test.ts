import { FakeClock } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InvalidOptionError } from '../base/errors.ts'
import { checkOptions } from '../base/option-table.ts'
import type { LoadReport } from '../instance/outcome.ts'
import { LearnedWeights } from './learned-weights.ts'
import { type LoadReportOptions, loadReportTable } from './options.ts'

/** A report that leads to the weight 100 × `capacity`. */
function busy(capacity: number): LoadReport {
  return { cpuUtilization: 0.5, rpsFractional: 50 * capacity }
}

function learned(options: LoadReportOptions = {}): { clock: FakeClock; learned: LearnedWeights } {
  const clock = new FakeClock()
  return { clock, learned: new LearnedWeights({ clock, ...options }) }
}

function reportAll(weights: LearnedWeights, reports: Readonly<Record<string, LoadReport>>): void {
  for (const [id, report] of Object.entries(reports)) weights.report(id, report)
}

/** The weights over the first of them. */
function ratios(weights: Float64Array | undefined): number[] | undefined {
  if (weights === undefined) return undefined
  return Array.from(weights, (weight) => weight / (weights[0] as number))
}

describe('LearnedWeights', () => {
  it.each<[string, LoadReport, number]>([
    // The first instance: 100 / 1 = 100.
    ['requests over CPU utilization', { cpuUtilization: 0.5, rpsFractional: 100 }, 2],
    [
      'the application’s utilization first',
      { applicationUtilization: 0.25, cpuUtilization: 0.5, rpsFractional: 100 },
      4,
    ],
    [
      'the CPU’s when the application says 0',
      { applicationUtilization: 0, cpuUtilization: 0.5, rpsFractional: 100 },
      2,
    ],
    ['errors as utilization', { cpuUtilization: 0.5, rpsFractional: 100, eps: 50 }, 1],
    ['a utilization above 1', { cpuUtilization: 2, rpsFractional: 100 }, 0.5],
  ])('takes %s', (_name, report, expected) => {
    const { learned: weights } = learned({ blackoutMs: 0 })
    reportAll(weights, { a: { cpuUtilization: 1, rpsFractional: 100 }, b: report })
    expect(ratios(weights.weights(['a', 'b']))?.[1]).toBeCloseTo(expected, 12)
  })

  it.each([
    [0, 2],
    [1, 1],
    [4, 0.4],
  ])('multiplies errors by the penalty %f', (errorUtilizationPenalty, expected) => {
    const { learned: weights } = learned({ blackoutMs: 0, errorUtilizationPenalty })
    const failing = { cpuUtilization: 0.5, rpsFractional: 100, eps: 50 }
    reportAll(weights, { a: { cpuUtilization: 1, rpsFractional: 100 }, b: failing })
    expect(ratios(weights.weights(['a', 'b']))?.[1]).toBeCloseTo(expected, 12)
  })

  it.each<[string, LoadReport, number]>([
    // The first instance has 0.2: its weight is 5, or 500 with a rate.
    ['a metric without a rate', { namedMetrics: { kv: 0.4 } }, 0.5],
    ['the largest of the metrics', { namedMetrics: { kv: 0.1, queue: 5 }, memUtilization: 0.8 }, 0.25],
    ['nothing in use as very little', { namedMetrics: { kv: 0 } }, 4],
    ['the application’s utilization first', { applicationUtilization: 0.1, namedMetrics: { kv: 0.8 } }, 2],
    ['the CPU’s without any of them', { cpuUtilization: 0.4, namedMetrics: { other: 9 } }, 0.5],
    ['metrics before the CPU', { cpuUtilization: 0.1, namedMetrics: { kv: 0.4 } }, 0.5],
  ])('takes %s, with metrics', (_name, report, expected) => {
    const { learned: weights } = learned({ blackoutMs: 0, metrics: ['named_metrics.kv', 'mem_utilization'] })
    reportAll(weights, { a: { namedMetrics: { kv: 0.2 } }, a2: { namedMetrics: { kv: 0.2 } }, b: report })
    expect(ratios(weights.weights(['a', 'a2', 'b']))?.[2]).toBeCloseTo(expected, 12)
  })

  it('comes to rest where the load follows the weight, without a rate', async () => {
    const { clock, learned: weights } = learned({ blackoutMs: 0, metrics: ['named_metrics.kv'] })
    const ids = ['a', 'b', 'c']
    const costs = [1, 2, 4]
    // What one instance is spared, the others get.
    const current = (): Float64Array => weights.weights(ids) ?? Float64Array.of(1, 1, 1)
    const report = (): void => {
      const shares = current()
      const sum = shares.reduce((total, weight) => total + weight, 0)
      for (const [index, id] of ids.entries()) {
        const kv = ((costs[index] ?? 0) * (shares[index] ?? 0)) / sum / 4
        weights.report(id, { namedMetrics: { kv } })
      }
    }
    const seen: number[] = []
    for (let step = 0; step < 240; step++) {
      report()
      await clock.advance(500)
      seen.push((current()[2] ?? 0) / (current()[0] ?? 1))
    }
    // Loads that go with the root of the costs.
    for (const ratio of seen.slice(-20)) expect(ratio).toBeCloseTo(0.5, 1)
  })

  it('follows from the least to the largest load, and back', async () => {
    const { clock, learned: weights } = learned({ blackoutMs: 0, metrics: ['named_metrics.kv'] })
    for (const kv of [Number.MAX_VALUE, 0, Number.MAX_VALUE, 0.5]) {
      reportAll(weights, {
        a: { namedMetrics: { kv } },
        b: { namedMetrics: { kv: 0.5 } },
        c: { namedMetrics: { kv: 0.5 } },
      })
      await clock.advance(50_000)
      const [a, ...others] = weights.weights(['a', 'b', 'c']) ?? []
      expect([...others, Number(a) >= 0.1 && Number(a) <= 4]).toEqual([1, 1, true])
    }
  })

  it('leaves out what reports no rate, without metrics', () => {
    const { learned: weights } = learned({ blackoutMs: 0 })
    reportAll(weights, { a: { cpuUtilization: 0.2 }, b: { namedMetrics: { kv: 0.4 } } })
    expect(weights.size).toBe(0)
  })

  it('takes a name of the prototype for a name', () => {
    const { learned: weights } = learned({ blackoutMs: 0, metrics: ['named_metrics.constructor'] })
    reportAll(weights, { a: { namedMetrics: {} }, b: { namedMetrics: { kv: 1 } } })
    expect(weights.size).toBe(0)
  })

  it('relieves an instance whose load is above the multiple of the median', () => {
    const overloaded = (loads: readonly number[], overloadRatio: number | false = 2): number[] => {
      const { learned: weights } = learned({ blackoutMs: 0, overloadRatio })
      const ids = loads.map((load, index) => {
        weights.report(`i${index}`, { cpuUtilization: load, rpsFractional: 100 * load })
        return `i${index}`
      })
      return Array.from(weights.weights(ids) ?? [], (weight) => Math.round(weight * 100) / 100)
    }
    // Their rates are as high as their loads: the weights alone would be equal.
    expect(overloaded([0.4, 0.4, 0.4, 0.9])).toEqual([1, 1, 1, 0.1])
    expect(overloaded([0.4, 0.4, 0.4, 0.79])).toEqual([1, 1, 1, 1])
    expect(overloaded([0.4, 0.4, 0.4, 0.9], false)).toEqual([1, 1, 1, 1])
    // Two cannot outvote each other, and next to nothing is no overload.
    expect(overloaded([0.1, 0.9])).toEqual([1, 1])
    expect(overloaded([0.01, 0.01, 0.04])).toEqual([1, 1, 1])
    expect(overloaded([0.01, 0.01, 0.06])).toEqual([1, 1, 0.1])
  })

  // grpc-js gave an unknown instance 0.001 % or 99 % of the traffic.
  it('gives an unknown instance the median of the known ones, whatever the scale', () => {
    for (const scale of [1e-9, 1, 1e9, 1e300]) {
      const { learned: weights } = learned({ blackoutMs: 0 })
      reportAll(weights, { a: busy(1 * scale), b: busy(2 * scale), c: busy(6 * scale) })
      const [a, b, c, unknown] = weights.weights(['a', 'b', 'c', 'new']) as Float64Array
      expect(unknown).toBe(1)
      expect([a, b, c].map((weight) => (weight as number) * 2)).toEqual(
        [1, 2, 6].map((weight) => expect.closeTo(weight, 9)),
      )
    }
  })

  it('leaves it to the configured weights while fewer than two are known', () => {
    const { learned: weights } = learned({ blackoutMs: 0 })
    expect(weights.weights([])).toBeUndefined()
    expect(weights.weights(['a', 'b'])).toBeUndefined()
    weights.report('a', busy(5))
    expect(weights.weights(['a', 'b'])).toBeUndefined()
    expect(weights.weights(['a'])).toBeUndefined()
    weights.report('b', busy(5))
    expect(weights.weights(['a', 'b'])).toEqual(Float64Array.of(1, 1))
    // Only those that are asked for count.
    expect(weights.weights(['a', 'c'])).toBeUndefined()
  })

  it.each<[string, LoadReport]>([
    ['nothing', {}],
    ['no requests', { cpuUtilization: 0.5 }],
    ['0 requests', { cpuUtilization: 0.5, rpsFractional: 0 }],
    ['no utilization', { rpsFractional: 100 }],
    ['a utilization of 0', { cpuUtilization: 0, rpsFractional: 100 }],
    ['a weight above every number', { cpuUtilization: 1e-300, rpsFractional: 1e300 }],
    ['a weight below every number', { cpuUtilization: 1e300, rpsFractional: 1e-300 }],
  ])('learns nothing from a report of %s, and keeps what it knew', (_name, report) => {
    const { learned: weights } = learned({ blackoutMs: 0 })
    weights.report('c', report)
    expect(weights.size).toBe(0)
    reportAll(weights, { a: busy(1), b: busy(3) })
    weights.report('b', report)
    expect(ratios(weights.weights(['a', 'b']))?.[1]).toBeCloseTo(3, 12)
  })

  it('does not use a weight until the instance reported for the blackout', () => {
    const { clock, learned: weights } = learned()
    const ids = ['a', 'b', 'c']
    reportAll(weights, { a: busy(1), b: busy(3) })
    clock.advanceSync(5_000)
    reportAll(weights, { b: busy(3), c: busy(8) })
    clock.advanceSync(4_999)
    expect(weights.weights(ids)).toBeUndefined()
    clock.advanceSync(1)
    // c is new: it has the mean.
    expect(ratios(weights.weights(ids.slice()))).toEqual([1, 3, 2].map((ratio) => expect.closeTo(ratio, 12)))
    clock.advanceSync(5_000)
    expect(ratios(weights.weights(ids.slice()))).toEqual([1, 3, 8].map((ratio) => expect.closeTo(ratio, 12)))
  })

  it('does not use a weight after its last report expired, and starts with a blackout then', () => {
    const { clock, learned: weights } = learned()
    const everybody = { a: busy(1), b: busy(3), c: busy(8) }
    reportAll(weights, everybody)
    clock.advanceSync(170_000)
    reportAll(weights, { a: busy(1), b: busy(3) })
    clock.advanceSync(9_999)
    expect(ratios(weights.weights(['a', 'b', 'c']))?.[2]).toBeCloseTo(8, 12)
    clock.advanceSync(1)
    expect(ratios(weights.weights(['a', 'b', 'c']))?.[2]).toBeCloseTo(2, 12)
    expect(weights.size).toBe(2)
    weights.report('c', busy(8))
    clock.advanceSync(9_999)
    expect(ratios(weights.weights(['a', 'b', 'c']))?.[2]).toBeCloseTo(2, 12)
    clock.advanceSync(1)
    expect(ratios(weights.weights(['a', 'b', 'c']))?.[2]).toBeCloseTo(8, 12)
  })

  it('starts with a blackout after expiry also when nobody asked for weights in between', () => {
    const { clock, learned: weights } = learned()
    reportAll(weights, { a: busy(1), b: busy(3) })
    clock.advanceSync(180_000)
    reportAll(weights, { a: busy(1), b: busy(3) })
    expect(weights.weights(['a', 'b'])).toBeUndefined()
    clock.advanceSync(10_000)
    expect(weights.weights(['a', 'b'])).toBeDefined()
  })

  it('starts with a blackout when an instance comes back', () => {
    const { clock, learned: weights } = learned()
    reportAll(weights, { a: busy(1), b: busy(3), c: busy(8) })
    clock.advanceSync(10_000)
    weights.forget('c')
    weights.report('c', busy(8))
    expect(ratios(weights.weights(['a', 'b', 'c']))?.[2]).toBeCloseTo(2, 12)
    clock.advanceSync(10_000)
    expect(ratios(weights.weights(['a', 'b', 'c']))?.[2]).toBeCloseTo(8, 12)
  })

  it('keeps nothing of instances that are gone, even when they report late', () => {
    const { clock, learned: weights } = learned()
    for (let id = 0; id < 1_000; id++) weights.report(`${id}`, busy(1))
    expect(weights.size).toBe(1_000)
    for (let id = 0; id < 999; id++) weights.forget(`${id}`)
    expect(weights.size).toBe(1)
    weights.report('5', busy(1))
    clock.advanceSync(180_000)
    weights.weights([])
    expect(weights.size).toBe(0)
  })

  it('changes at most once per second, and gives the same object until then', () => {
    const { clock, learned: weights } = learned({ blackoutMs: 0 })
    const ids = ['a', 'b']
    reportAll(weights, { a: busy(1), b: busy(3) })
    const first = weights.weights(ids)
    weights.report('b', busy(5))
    clock.advanceSync(999)
    expect(weights.weights(ids)).toBe(first)
    clock.advanceSync(1)
    const second = weights.weights(ids)
    expect(ratios(second)?.[1]).toBeCloseTo(5, 12)
    reportAll(weights, { a: busy(1), b: busy(5) })
    clock.advanceSync(1_000)
    expect(weights.weights(ids)).toBe(second)
    // Both twice as large: the shares are the same.
    reportAll(weights, { a: busy(2), b: busy(10) })
    clock.advanceSync(1_000)
    expect(weights.weights(ids)).toBe(second)
  })

  it('answers another list at once', () => {
    const { learned: weights } = learned({ blackoutMs: 0 })
    reportAll(weights, { a: busy(1), b: busy(3), c: busy(8) })
    expect(ratios(weights.weights(['a', 'b']))?.[1]).toBeCloseTo(3, 12)
    expect(ratios(weights.weights(['a', 'c']))?.[1]).toBeCloseTo(8, 12)
  })

  it.each([3, 10, 50])('lets none of %i instances starve, and none take more than four times the median', (count) => {
    const { learned: weights } = learned({ blackoutMs: 0 })
    const ids = Array.from({ length: count }, (_, index) => `${index}`)
    for (const id of ids) weights.report(id, busy(1))
    reportAll(weights, { 0: busy(1e12), 1: busy(1e-12) })
    const [greedy, shy, ...usual] = weights.weights(ids) as Float64Array
    expect(greedy).toBe(4)
    expect(shy).toBe(0.1)
    expect(new Set(usual)).toEqual(new Set([1]))
  })

  it.each([1e12, 1e-12])('lets one odd report of two, %d times the other, take no more than ten to one', (odd) => {
    const { learned: weights } = learned({ blackoutMs: 0 })
    reportAll(weights, { a: busy(1), b: busy(odd) })
    const [a, b] = weights.weights(['a', 'b']) as unknown as [number, number]
    expect(Math.max(a / b, b / a)).toBeCloseTo(10, 12)
  })

  it('takes weights whose sum is above every number', () => {
    const { learned: weights } = learned({ blackoutMs: 0 })
    const huge = { cpuUtilization: 1, rpsFractional: 1.7e308 }
    reportAll(weights, { a: huge, b: huge, c: huge })
    expect(weights.weights(['a', 'b', 'c'])).toEqual(Float64Array.of(1, 1, 1))
  })

  it('gives finite, positive weights with an unknown one at the mean, for any reports', () => {
    const metric = fc.double({ min: 0, max: Number.MAX_VALUE, noNaN: true })
    const report = fc.record(
      { cpuUtilization: metric, applicationUtilization: metric, rpsFractional: metric, eps: metric },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(fc.array(report, { maxLength: 8 }), (reports) => {
        const { learned: weights } = learned({ blackoutMs: 0 })
        for (const [index, one] of reports.entries()) weights.report(`${index}`, one)
        const known = weights.size
        const ids = [...reports.keys(), 'unknown'].map(String)
        const result = weights.weights(ids)
        expect(result === undefined).toBe(known < 2)
        if (result === undefined) return
        expect(result).toHaveLength(ids.length)
        expect(result.at(-1)).toBe(1)
        for (const weight of result) expect(weight >= 0.1 && weight <= 4).toBe(true)
      }),
      { seed: 20_240_607, numRuns: 500 },
    )
  })
})

describe('the options of LearnedWeights', () => {
  it.each([
    [{ blackoutMs: -1 }, 'blackoutMs', 'a number of milliseconds in [0, 2147483647], got -1 (number)'],
    [{ expiryMs: 0 }, 'expiryMs', 'a number of milliseconds in [1, 2147483647], got 0 (number)'],
    [{ updateMs: 99 }, 'updateMs', 'a number of milliseconds in [100, 2147483647], got 99 (number)'],
    [{ errorUtilizationPenalty: -0.1 }, 'errorUtilizationPenalty', 'a finite number in [0, 1000], got -0.1 (number)'],
    [{ clock: 1 }, 'clock', 'a Clock with now and setTimeout, got 1 (number)'],
  ])('refuse %j', (options, name, rest) => {
    const build = (): unknown => new LearnedWeights(options as unknown as LoadReportOptions)
    expect(build).toThrow(InvalidOptionError)
    expect(build).toThrow(
      expect.objectContaining({ option: `LearnedWeights.${name}`, message: `LearnedWeights.${name} must be ${rest}` }),
    )
  })

  it('may be checked without building anything', () => {
    checkOptions('loadReport', {}, loadReportTable)
    checkOptions(
      'loadReport',
      { blackoutMs: 0, expiryMs: 1, errorUtilizationPenalty: 0, updateMs: 100 },
      loadReportTable,
    )
    expect(() => checkOptions('loadReport', { blackoutMS: 1 } as LoadReportOptions, loadReportTable)).toThrow(
      'loadReport.blackoutMS is not a known option. Did you mean blackoutMs?',
    )
  })
})
