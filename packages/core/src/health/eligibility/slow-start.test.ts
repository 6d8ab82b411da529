import { describe, expect, it } from 'vitest'
import { InvalidOptionError } from '../../base/errors.ts'
import { objectOption } from '../../base/option-table.ts'
import { type SlowStartOptions, slowStartFactor, slowStartPolicy, slowStartTable } from './slow-start.ts'

function factor(elapsedMs: number, options: SlowStartOptions = {}): number {
  const policy = slowStartPolicy({ windowMs: 10_000, ...options })
  return slowStartFactor(elapsedMs, policy as NonNullable<typeof policy>)
}

describe('slowStartFactor', () => {
  it.each([
    [0, 0.1],
    [999, 0.1],
    [1_000, 0.1],
    [2_500, 0.25],
    [5_000, 0.5],
    [9_999, 0.9999],
    [10_000, 1],
    [1_000_000, 1],
  ])('grows evenly from the minimum: after %d of 10 000 ms it is %d', (elapsedMs, expected) => {
    expect(factor(elapsedMs)).toBeCloseTo(expected, 12)
  })

  it('grows fast at first with an aggression above 1, and late with one below', () => {
    // 0.25^(1 ÷ 2) and 0.5^(1 ÷ 0.5).
    expect(factor(2_500, { aggression: 2 })).toBeCloseTo(0.5, 12)
    expect(factor(5_000, { aggression: 0.5 })).toBeCloseTo(0.25, 12)
  })

  it('never falls below the minimum, nor as time passes', () => {
    for (const aggression of [0.1, 0.5, 1, 2, 10]) {
      let before = 0
      for (let elapsedMs = 0; elapsedMs <= 11_000; elapsedMs += 100) {
        const now = factor(elapsedMs, { aggression, minimum: 0.05 })
        expect(now).toBeGreaterThanOrEqual(Math.max(0.05, before))
        expect(now).toBeLessThanOrEqual(1)
        before = now
      }
      expect(before).toBe(1)
    }
  })

  it('takes a clock that went backwards for the beginning', () => {
    expect(factor(-5_000)).toBe(0.1)
  })
})

describe('slowStartPolicy', () => {
  it('is off by default, and 30 s from a tenth when it is on', () => {
    expect(slowStartPolicy(undefined)).toBeUndefined()
    expect(slowStartPolicy(false)).toBeUndefined()
    expect(slowStartPolicy({})).toEqual({ windowMs: 30_000, aggression: 1, minimum: 0.1 })
  })
})

describe('slowStartTable', () => {
  it.each([false, {}, { windowMs: 1, aggression: 10, minimum: 1 }] as const)('passes %j', (options) => {
    objectOption(slowStartTable, {}).check('slowStart', options)
  })

  it.each([
    ['slowStart', null],
    ['slowStart', true],
    ['slowStart.windowMs', { windowMs: 0 }],
    ['slowStart.windowMs', { windowMs: Number.POSITIVE_INFINITY }],
    ['slowStart.aggression', { aggression: 0 }],
    ['slowStart.aggression', { aggression: 11 }],
    ['slowStart.minimum', { minimum: 0 }],
    ['slowStart.minimum', { minimum: 1.5 }],
    ['slowStart.window', { window: 5 }],
  ])('refuses %s in %j', (path, options) => {
    const check = (): void => objectOption(slowStartTable, {}).check('slowStart', options as SlowStartOptions)
    expect(check).toThrow(InvalidOptionError)
    expect(check).toThrow(expect.objectContaining({ option: path, message: expect.stringContaining(path) }))
  })
})
