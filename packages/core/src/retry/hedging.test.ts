import { describe, expect, it } from 'vitest'
import { InvalidOptionError } from '../base/errors.ts'
import { checkOptions, objectOption } from '../base/option-table.ts'
import { type HedgeOptions, hedgePolicy, hedgeTable } from './hedging.ts'

describe('hedgePolicy', () => {
  it('is off unless asked for', () => {
    expect(hedgePolicy(undefined)).toBeUndefined()
    expect(hedgePolicy(false)).toBeUndefined()
  })

  it('has the documented defaults', () => {
    expect(hedgePolicy({})).toEqual({ delayMs: undefined, percentile: 95, maxHedges: 1, minDelayMs: 1 })
  })

  it('overrides its base field by field', () => {
    const base = hedgePolicy({ delayMs: 50, maxHedges: 3, minDelayMs: 5 })
    expect(hedgePolicy({ maxHedges: 2 }, base)).toEqual({ delayMs: 50, percentile: 95, maxHedges: 2, minDelayMs: 5 })
    expect(hedgePolicy({ delayMs: 0 }, base)).toMatchObject({ delayMs: 0, maxHedges: 3 })
  })

  it('is its base when nothing is given, and off when it is false', () => {
    const base = hedgePolicy({ delayMs: 50 })
    expect(hedgePolicy(undefined, base)).toBe(base)
    expect(hedgePolicy(false, base)).toBeUndefined()
  })

  it('goes back to the percentile when that is what it is asked for, or its delay is taken away', () => {
    const base = hedgePolicy({ delayMs: 50, percentile: 90 })
    expect(hedgePolicy({ percentile: 99 }, base)).toMatchObject({ delayMs: undefined, percentile: 99 })
    expect(hedgePolicy({ delayMs: undefined }, base)).toMatchObject({ delayMs: undefined, percentile: 90 })
    expect(hedgePolicy({ delayMs: 7, percentile: 99 }, base)).toMatchObject({ delayMs: 7, percentile: 99 })
  })
})

describe('hedgeTable', () => {
  it('passes false, nothing and everything', () => {
    objectOption(hedgeTable, {}).check('hedge', false)
    checkOptions('hedge', {}, hedgeTable)
    checkOptions('hedge', { delayMs: undefined, percentile: 99.9, maxHedges: 10, minDelayMs: 0 }, hedgeTable)
    checkOptions('hedge', { delayMs: 0, percentile: 100 }, hedgeTable)
  })

  it.each([
    ['delayMs', -1, 'a number of milliseconds in [0, 2147483647], got -1 (number)'],
    ['delayMs', Number.POSITIVE_INFINITY, 'a number of milliseconds in [0, 2147483647], got Infinity (number)'],
    ['percentile', 0.95, 'a finite number in [1, 100], got 0.95 (number)'],
    ['percentile', 100.1, 'a finite number in [1, 100], got 100.1 (number)'],
    ['maxHedges', 0, 'an integer in [1, 10], got 0 (number)'],
    ['maxHedges', 11, 'an integer in [1, 10], got 11 (number)'],
    ['minDelayMs', Number.NaN, 'a number of milliseconds in [0, 2147483647], got NaN (number)'],
  ])('refuses %s %j', (name, value, rest) => {
    const check = (): void => checkOptions('hedge', { [name]: value } as HedgeOptions, hedgeTable)
    expect(check).toThrow(InvalidOptionError)
    expect(check).toThrow(
      expect.objectContaining({ option: `hedge.${name}`, message: `hedge.${name} must be ${rest}` }),
    )
  })

  it('suggests the nearest name for an unknown one', () => {
    expect(() => checkOptions('hedge', { delayMS: 5 } as HedgeOptions, hedgeTable)).toThrow('Did you mean delayMs?')
  })
})
