import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { requestFields, responseFields } from './field-kinds.ts'

const listed = {
  request: [
    'Host',
    'CONNECTION',
    'Transfer-Encoding',
    'content-length',
    'X-Forwarded-For',
    'TE',
    'Proxy',
    'HTTP2-Settings',
  ],
  response: [
    'Set-Cookie',
    'connection',
    'LOCATION',
    'Date',
    'Retry-After',
    'Endpoint-Load-Metrics',
    'Proxy-Authenticate',
  ],
}

/** A name in the mixture of cases that the bits say. */
function inCases(name: string, upper: readonly boolean[]): string {
  return Array.from(name, (each, index) => (upper[index] === true ? each.toUpperCase() : each.toLowerCase())).join('')
}

describe.each([
  ['request', requestFields, listed.request],
  ['response', responseFields, listed.response],
] as const)('kinds of %s fields', (_name, fields, names) => {
  it.each(names)('knows %s however it is spelled', (name) => {
    const kind = fields.of(name.toLowerCase())
    expect(kind).toBeDefined()
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: name.length }), (upper) => {
        expect(fields.of(inCases(name, upper))).toBe(kind)
      }),
    )
  })

  it('lets others of the same length, and of any, pass', () => {
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.nat({ max: 20 }), (name, at) => {
        const place = at % name.length
        expect(fields.of(`${name.slice(0, place)}~${name.slice(place + 1)}`)).toBeUndefined()
      }),
    )
    for (const name of ['', 'X-Request-Id', 'a'.repeat(10_000), 'constructor', '__proto__']) {
      expect(fields.of(name)).toBeUndefined()
    }
  })
})
