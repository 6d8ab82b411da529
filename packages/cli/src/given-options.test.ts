import { describe, expect, it } from 'vitest'
import { GivenOptions } from './given-options.ts'

const given = (...values: string[]): GivenOptions => new GivenOptions(new Map([['x', values]]))

describe('a value', () => {
  it.each([
    ['1ms', 1],
    ['2.5s', 2_500],
    ['1m', 60_000],
    ['24h', 86_400_000],
  ])('%s is a duration', (text, ms) => {
    expect(given(text).durationMs('x')).toBe(ms)
  })

  it.each(['', '5', '-1s', '1 s', '1e3ms', '0ms', '25h', 'Infinity', '1.s', '٣s'])('%j is none', (text) => {
    expect(() => given(text).durationMs('x')).toThrow('--x must be ')
  })

  it.each(['1.5', '-1', '1e2', '0x10', '', ' 1', '99999999999999999999', '11'])(
    '%j is no integer in [0, 10]',
    (text) => {
      expect(() => given(text).integer('x', 0, 10)).toThrow('--x must be ')
    },
  )

  it('is a text as it was typed', () => {
    for (const text of ['0123', '1e5', '0x10', 'true']) expect(given(text).text('x')).toBe(text)
    expect(given('a', 'b').text('x')).toBe('b')
    expect(given().text('x')).toBeUndefined()
    expect(given('10').integer('x', 0, 10)).toBe(10)
    expect(given('0.5').number('x', 0, 1)).toBe(0.5)
  })

  it('is a list, by commas or by repetition', () => {
    expect(given('a, b', 'c,').list('x')).toEqual(['a', 'b', 'c'])
  })
})
