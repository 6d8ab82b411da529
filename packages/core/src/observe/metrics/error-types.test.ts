import { describe, expect, it } from 'vitest'
import { ErrorTypes, errorTypeOf } from './error-types.ts'

const typeOf = (error: unknown): string | undefined => errorTypeOf({ failed: true, error })

describe('the type of an error', () => {
  it('is its code, that of its cause, or its name', () => {
    expect(typeOf(Object.assign(new Error('m'), { code: 'ECONNRESET' }))).toBe('ECONNRESET')
    expect(typeOf(new TypeError('fetch failed', { cause: { code: 'UND_ERR_SOCKET' } }))).toBe('UND_ERR_SOCKET')
    expect(typeOf(new RangeError('m'))).toBe('RangeError')
  })

  it('is nothing that could hold more than a name', () => {
    for (const code of ['no such user: 17', 'x'.repeat(65), '', 17, 'A-1', {}]) {
      expect(typeOf({ code, name: code })).toBe('_OTHER')
    }
    for (const error of [undefined, null, 'text', Symbol('x')]) expect(typeOf(error)).toBe('_OTHER')
  })

  it('is _OTHER where the error throws when it is looked at', () => {
    const hostile = new Proxy(
      {},
      {
        get: () => {
          throw new Error('no')
        },
      },
    )
    expect(typeOf(hostile)).toBe('_OTHER')
  })

  it('is a status from 400, failed or not; none without a failure', () => {
    expect(errorTypeOf({ failed: false, statusCode: 404 })).toBe('404')
    expect(errorTypeOf({ failed: true, statusCode: 503, error: new Error('m') })).toBe('503')
    expect(errorTypeOf({ failed: true, statusCode: 200, error: { code: 'ECONNRESET' } })).toBe('ECONNRESET')
    expect(errorTypeOf({ failed: true, statusCode: 123_456, error: { code: 'X' } })).toBe('X')
    expect(errorTypeOf({ failed: false, statusCode: 200 })).toBeUndefined()
    expect(errorTypeOf({ failed: false, error: new Error('aborted') })).toBeUndefined()
  })

  it('is _OTHER beyond 50 of them', () => {
    const types = new ErrorTypes()
    for (let number = 0; number < 50; number++) expect(types.bounded(`E${number}`)).toBe(`E${number}`)
    expect([types.bounded('E50'), types.bounded('E7'), types.bounded(undefined)]).toEqual(['_OTHER', 'E7', undefined])
  })
})
