import { describe, expect, it } from 'vitest'
import { type ErrorJson, errorJson } from './error-json.ts'

/** The errors of a tree, itself included. */
function count({ cause, errors = [] }: ErrorJson): number {
  return 1 + (cause === undefined ? 0 : count(cause)) + errors.reduce((sum, each) => sum + count(each), 0)
}

function depth({ cause, errors = [] }: ErrorJson): number {
  return Math.max(0, ...[cause, ...errors].map((each) => (each === undefined ? 0 : 1 + depth(each))))
}

function chain(length: number): Error {
  return length === 1 ? new Error('1') : new Error(String(length), { cause: chain(length - 1) })
}

function tree(levels: number, width: number): Error {
  if (levels === 0) return new Error('leaf')
  return new AggregateError(
    Array.from({ length: width }, () => tree(levels - 1, width)),
    'many',
    { cause: tree(levels - 1, 1) },
  )
}

describe('errorJson', () => {
  it('follows causes 8 deep', () => {
    expect(depth(errorJson(chain(9)))).toBe(8)
    expect(depth(errorJson(chain(100)))).toBe(8)
    const circular = new Error('circular')
    circular.cause = circular
    expect(depth(errorJson(circular))).toBe(8)
  })

  it('takes the first 10 of gathered errors', () => {
    const gathered = new AggregateError(Array.from({ length: 1_000 }, (_, index) => new Error(String(index))))
    expect(errorJson(gathered).errors?.map(({ message }) => message)).toEqual(
      Array.from({ length: 10 }, (_, index) => String(index)),
    )
  })

  it('takes 50 errors in all, whatever holds them', () => {
    expect(count(errorJson(tree(4, 10)))).toBe(50)
    expect(count(errorJson(tree(8, 2)))).toBe(50)
    expect(count(errorJson(tree(1, 10)))).toBe(12)
  })

  it('ends texts after 2 000 characters', () => {
    const long = 'x'.repeat(2_001)
    const { name, message, code } = errorJson(Object.assign(new Error(long), { name: long, code: long }))
    expect([name, message, code].map((text) => String(text).length)).toEqual([2_001, 2_001, 2_001])
    expect(message.at(-1)).toBe('…')
    expect(errorJson(new Error('x'.repeat(2_000))).message).toBe('x'.repeat(2_000))
    expect(errorJson(long).message).toHaveLength(2_001)
  })

  it('leaves out what else an error of another holds, which may be secret', () => {
    const error = Object.assign(new Error('failed'), { headers: { authorization: 'secret' }, password: 'secret' })
    expect(errorJson(error)).toEqual({ name: 'Error', message: 'failed' })
  })

  const unreadable = new Proxy(new Error('unreadable'), {
    get: () => {
      throw new Error('trap')
    },
  })

  it.each<[string, unknown, Partial<ErrorJson>]>([
    ['undefined', undefined, { message: 'undefined' }],
    ['a symbol', Symbol('s'), { message: 'Symbol(s)' }],
    ['an object without a text', Object.create(null), { name: 'Error', message: '' }],
    ['one whose fields cannot be read', unreadable, { name: 'Error', message: '' }],
    ['one whose fields are of other kinds', { name: 5, message: {}, code: Number.NaN, errors: 'x' }, { message: '' }],
  ])('takes %s', (_what, thrown, expected) => {
    expect(errorJson(thrown)).toEqual({ name: 'Error', ...expected })
  })
})
