import { describe, expect, it } from 'vitest'
import { InvalidOptionError } from './errors.ts'
import {
  checkBoolean,
  checkDurationMs,
  checkFunction,
  checkInteger,
  checkKeys,
  checkNumber,
  rejectOption,
  shown,
} from './option-checks.ts'

/** What code without types can pass. */
function untyped<T>(value: unknown): T {
  return value as T
}

describe('shown', () => {
  it.each([
    ['a', '"a"'],
    ['5', '"5"'],
    ['a"b\n', '"a\\"b\\n"'],
    [5, '5'],
    [-0.5, '-0.5'],
    [Number.NaN, 'NaN'],
    [null, 'null'],
    [undefined, 'undefined'],
    [true, 'true'],
    [12n, '12'],
    [Symbol('s'), 'Symbol(s)'],
    [[1, 2], 'an array of 2'],
    [{ secret: 'x' }, 'an object'],
    [() => {}, 'a function'],
    [Object.create(null), 'an object'],
  ])('shows %s shortly', (value, text) => {
    expect(shown(value)).toBe(text)
  })

  it('cuts a long string', () => {
    expect(shown('x'.repeat(1_000))).toBe(`"${'x'.repeat(80)}…"`)
  })
})

describe('rejectOption', () => {
  it('names the option, what is legal, what was given and the remedy', () => {
    const reject = (): never => rejectOption('a.b', 'a boolean', 'yes', 'Write true')
    expect(reject).toThrow(InvalidOptionError)
    expect(reject).toThrow(
      expect.objectContaining({
        code: 'LB_INVALID_OPTION',
        option: 'a.b',
        message: 'a.b must be a boolean, got "yes" (string). Write true',
      }),
    )
  })
})

describe('checkKeys', () => {
  it('passes known keys, and none', () => {
    checkKeys('x', {}, ['start'])
    checkKeys('x', { start: undefined }, ['start'])
  })

  it('suggests the nearest name for a misspelt key', () => {
    expect(() => checkKeys('x', { strat: 1 }, ['start', 'random'])).toThrow(
      expect.objectContaining({
        code: 'LB_INVALID_OPTION',
        option: 'x.strat',
        message: 'x.strat is not a known option. Did you mean start?',
      }),
    )
  })

  it('lists the known names when none is near', () => {
    expect(() => checkKeys('x', { completelyDifferent: 1 }, ['start', 'random'])).toThrow(
      expect.objectContaining({
        option: 'x.completelyDifferent',
        message: 'x.completelyDifferent is not a known option. Known: start, random',
      }),
    )
  })

  it('does not take properties of every object for known', () => {
    for (const key of ['constructor', 'toString', '__proto__']) {
      const options: unknown = JSON.parse(`{"${key}":1}`)
      expect(() => checkKeys('x', options, ['start'])).toThrow(InvalidOptionError)
    }
  })

  it.each([
    [null, 'x must be an object, got null (object)'],
    [undefined, 'x must be an object, got undefined (undefined)'],
    ['a', 'x must be an object, got "a" (string)'],
    [[], 'x must be an object, got an array of 0 (object)'],
    [() => {}, 'x must be an object, got a function (function)'],
  ])('refuses %s', (value, message) => {
    expect(() => checkKeys('x', value, [])).toThrow(expect.objectContaining({ option: 'x', message }))
  })
})

describe('checkDurationMs', () => {
  it.each([undefined, 0, 0.5, 2_147_483_647])('passes %s', (value) => {
    checkDurationMs('x', value)
  })

  it.each([-1, 2_147_483_648, Number.NaN, Number.POSITIVE_INFINITY, '5', null, 5n])('refuses %s', (value) => {
    expect(() => checkDurationMs('x', untyped(value))).toThrow(
      expect.objectContaining({
        option: 'x',
        message: expect.stringMatching(/^x must be a number of milliseconds in \[0, 2147483647\], got /),
      }),
    )
  })

  it('passes Infinity only where it is meant to', () => {
    checkDurationMs('x', Number.POSITIVE_INFINITY, { infinite: true })
    expect(() => checkDurationMs('x', Number.NEGATIVE_INFINITY, { infinite: true })).toThrow(/, or Infinity, got -Inf/)
  })

  it('refuses what is below the minimum', () => {
    checkDurationMs('x', 1, { min: 1 })
    expect(() => checkDurationMs('x', 0.9, { min: 1 })).toThrow(
      'x must be a number of milliseconds in [1, 2147483647], got 0.9 (number)',
    )
  })
})

describe('checkNumber', () => {
  it.each([undefined, 0, 1, 0.3])('passes %s in [0, 1]', (value) => {
    checkNumber('x', value, 0, 1)
  })

  it.each([-0.1, 1.1, Number.NaN, Number.POSITIVE_INFINITY, '1', null])('refuses %s', (value) => {
    expect(() => checkNumber('x', untyped(value), 0, 1)).toThrow(/^x must be a finite number in \[0, 1\], got /)
  })

  it('shows the largest number as no bound', () => {
    expect(() => checkNumber('x', -1, 0, Number.MAX_VALUE)).toThrow('a finite number ≥ 0')
  })
})

describe('checkInteger', () => {
  it.each([undefined, 1, 5])('passes %s in [1, 5]', (value) => {
    checkInteger('x', value, 1, 5)
  })

  it.each([0, 6, 1.5, Number.NaN, '1', null])('refuses %s', (value) => {
    expect(() => checkInteger('x', untyped(value), 1, 5)).toThrow(/^x must be an integer in \[1, 5\], got /)
  })
})

describe('checkFunction and checkBoolean', () => {
  it('pass what they ask for, and nothing', () => {
    checkFunction('x', () => {})
    checkFunction('x', undefined)
    checkBoolean('x', false)
    checkBoolean('x', undefined)
  })

  it.each([null, 1, 'f', {}])('refuse %s', (value) => {
    expect(() => checkFunction('x', value)).toThrow(/^x must be a function, got /)
    expect(() => checkBoolean('x', value)).toThrow(/^x must be a boolean, got /)
  })
})
