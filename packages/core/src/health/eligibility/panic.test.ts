import { describe, expect, it } from 'vitest'
import { InvalidOptionError } from '../../base/errors.ts'
import { objectOption } from '../../base/option-table.ts'
import { type PanicOptions, panicPolicy, panicTable } from './panic.ts'

describe('panicPolicy', () => {
  it('is on below one half by default', () => {
    expect(panicPolicy(undefined)).toEqual({ threshold: 0.5, mode: 'all' })
    expect(panicPolicy({})).toEqual({ threshold: 0.5, mode: 'all' })
    expect(panicPolicy({ threshold: 0.2 })).toEqual({ threshold: 0.2, mode: 'all' })
    expect(panicPolicy({ mode: 'fail' })).toEqual({ threshold: 0.5, mode: 'fail' })
  })

  it('is never with false', () => {
    expect(panicPolicy(false).threshold).toBe(0)
  })
})

describe('panicTable', () => {
  it.each([false, {}, { threshold: 0 }, { threshold: 1, mode: 'fail' }, { mode: 'all' }] as const)(
    'passes %j',
    (options) => {
      objectOption(panicTable, {}).check('panic', options)
    },
  )

  it.each([
    ['panic', null],
    ['panic', true],
    ['panic.threshold', { threshold: -0.1 }],
    ['panic.threshold', { threshold: 50 }],
    ['panic.threshold', { threshold: Number.NaN }],
    ['panic.mode', { mode: 'none' }],
    ['panic.mode', { mode: null }],
    ['panic.treshold', { treshold: 0.5 }],
  ])('refuses %s in %j', (path, options) => {
    const check = (): void => objectOption(panicTable, {}).check('panic', options as PanicOptions)
    expect(check).toThrow(InvalidOptionError)
    expect(check).toThrow(expect.objectContaining({ option: path, message: expect.stringContaining(path) }))
  })
})
