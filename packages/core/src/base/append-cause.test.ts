import { describe, expect, it } from 'vitest'
import { appendCause } from './append-cause.ts'

const closed = new Error('closed')

describe('appendCause', () => {
  it('adds the cause to an error that has none, without showing it in a listing of its fields', () => {
    const error = new Error('refused')
    appendCause(error, closed)
    expect(error.cause).toBe(closed)
    expect(Object.keys(error)).toEqual([])
  })

  it('adds it behind the causes that are there', () => {
    const refused = new Error('refused')
    const error = new TypeError('fetch failed', { cause: refused })
    appendCause(error, closed)
    expect([error.cause, refused.cause]).toEqual([refused, closed])
  })

  it('adds it once', () => {
    const error = new Error('refused')
    appendCause(error, closed)
    appendCause(error, closed)
    expect(closed.cause).toBeUndefined()
  })

  it('leaves alone what cannot be changed, or is no error', () => {
    const circle = new Error('circle')
    circle.cause = circle
    const frozen = Object.freeze(new Error('frozen'))
    for (const error of [frozen, circle, 'text', undefined, new Error('refused', { cause: 'text' })]) {
      expect(() => appendCause(error, closed)).not.toThrow()
    }
    expect([frozen.cause, circle.cause]).toEqual([undefined, circle])
  })
})
