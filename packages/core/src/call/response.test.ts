import { describe, expect, it } from 'vitest'
import { loadReportHeader } from '../load-report/load-report.ts'
import { isResponse, responseClassification } from './response.ts'

describe('isResponse', () => {
  it('knows a Response, of a polyfill too', () => {
    expect(isResponse(new Response())).toBe(true)
    expect(isResponse({ [Symbol.toStringTag]: 'Response' })).toBe(true)
  })

  it.each([undefined, null, 1, 'Response', {}, { status: 200, headers: new Headers() }, Response])(
    'is not taken in by %o',
    (value) => {
      expect(isResponse(value)).toBe(false)
    },
  )
})

describe('responseClassification', () => {
  const of = (status: number, headers: Record<string, string>, withLoadReport = false): unknown =>
    responseClassification(new Response(null, { status, headers }), withLoadReport)

  it.each([
    [200, { ok: true, statusCode: 200 }],
    [302, { ok: true, statusCode: 302 }],
    [404, { ok: true, statusCode: 404 }],
    [429, { ok: true, statusCode: 429, retryAfterMs: 5_000 }],
    [500, { ok: false, statusCode: 500, retryAfterMs: 5_000 }],
    [503, { ok: false, statusCode: 503, retryAfterMs: 5_000 }],
  ])('of status %i with a Retry-After', (status, expected) => {
    expect(of(status, { 'retry-after': '5' })).toEqual(expected)
  })

  it('compares a date with the Date of the response', () => {
    const date = 'Wed, 21 Oct 2026 07:28:00 GMT'
    const later = 'Wed, 21 Oct 2026 07:28:02 GMT'
    expect(of(503, { 'retry-after': later, date })).toMatchObject({ retryAfterMs: 2_000 })
    expect(of(503, { 'retry-after': later })).not.toHaveProperty('retryAfterMs')
    expect(of(503, { 'retry-after': 'later', date })).not.toHaveProperty('retryAfterMs')
  })

  it('hands on the load report only when it is wanted', () => {
    const headers = { [loadReportHeader]: 'TEXT eps=1' }
    expect(of(200, headers, true)).toEqual({ ok: true, statusCode: 200, loadReport: 'TEXT eps=1' })
    expect(of(200, headers, false)).toEqual({ ok: true, statusCode: 200 })
    expect(of(200, {}, true)).toEqual({ ok: true, statusCode: 200 })
  })
})
