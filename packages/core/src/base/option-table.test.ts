import { describe, expect, it } from 'vitest'
import {
  booleanOption,
  checkOptions,
  durationOption,
  integerOption,
  limitOption,
  type OptionTable,
  objectOption,
  withDefaults,
} from './option-table.ts'

interface Inner {
  readonly size?: number | undefined
}

interface Outer {
  readonly name?: string | undefined
  readonly waitMs?: number | undefined
  readonly most?: number | undefined
  readonly quick?: boolean | undefined
  readonly inner?: Inner | false | undefined
}

const innerTable: OptionTable<Inner> = { size: integerOption({ min: 1, max: 9, default: 3 }) }

const outerTable: OptionTable<Outer, 'name'> = {
  name: { legal: 'anything', check: () => {} },
  waitMs: durationOption({ min: 1, default: 50 }),
  most: limitOption(),
  quick: booleanOption(false),
  inner: objectOption(innerTable, false),
}

describe('checkOptions', () => {
  it.each([
    {},
    { waitMs: undefined },
    { waitMs: 1, most: Number.POSITIVE_INFINITY, quick: true, inner: false },
    { inner: { size: 9 } },
  ])('takes %j', (options) => expect(() => checkOptions('outer', options, outerTable)).not.toThrow())

  it.each([
    [{ waitMs: 0 }, 'outer.waitMs must be a number of milliseconds in [1, 2147483647], got 0 (number)'],
    [{ most: 0 }, 'outer.most must be an integer ≥ 1, or Infinity, got 0 (number)'],
    [{ most: '7' }, 'outer.most must be an integer ≥ 1, or Infinity, got "7" (string)'],
    [{ quick: 1 }, 'outer.quick must be a boolean, got 1 (number)'],
    [{ inner: true }, 'outer.inner must be an object, got true (boolean)'],
    [{ inner: null }, 'outer.inner must be an object, got null (object)'],
    [{ inner: { size: 10 } }, 'outer.inner.size must be an integer in [1, 9], got 10 (number)'],
    [{ inner: { sise: 2 } }, 'outer.inner.sise is not a known option. Did you mean size?'],
    [[], 'outer must be an object, got an array of 0 (object)'],
    [undefined, 'outer must be an object, got undefined (undefined)'],
  ])('names the path, what is legal and what was given: %j', (options, message) => {
    expect(() => checkOptions('outer', options, outerTable)).toThrow(message)
  })
})

describe('withDefaults', () => {
  it('fills in what is absent or undefined, and leaves out what has no default', () => {
    const most = Number.POSITIVE_INFINITY
    expect(withDefaults({}, outerTable)).toEqual({ waitMs: 50, most, quick: false, inner: false })
    expect(withDefaults({ waitMs: undefined, inner: { size: 2 } }, outerTable)).toEqual({
      waitMs: 50,
      most,
      quick: false,
      inner: { size: 2 },
    })
    expect(withDefaults({ waitMs: 7, quick: true }, outerTable)).toEqual({ waitMs: 7, most, quick: true, inner: false })
  })
})
