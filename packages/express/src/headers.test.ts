import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HeaderList } from './headers.ts'
import { requestHeaderKind } from './request.ts'
import { responseHeaderKind } from './response.ts'

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
  ['request', requestHeaderKind, listed.request],
  ['response', responseHeaderKind, listed.response],
] as const)('kinds of %s headers', (_name, kindOf, names) => {
  it.each(names)('knows %s however it is spelled', (name) => {
    const kind = kindOf(name.toLowerCase())
    expect(kind).toBeDefined()
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: name.length }), (upper) => {
        expect(kindOf(inCases(name, upper))).toBe(kind)
      }),
      { seed: 20_240_607 },
    )
  })

  it('lets others of the same length, and of any, pass', () => {
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.nat({ max: 20 }), (name, at) => {
        const place = at % name.length
        expect(kindOf(`${name.slice(0, place)}~${name.slice(place + 1)}`)).toBeUndefined()
      }),
      { seed: 20_240_607 },
    )
    for (const name of ['', 'X-Request-Id', 'a'.repeat(10_000), 'constructor', '__proto__']) {
      expect(kindOf(name)).toBeUndefined()
    }
  })
})

describe('HeaderList', () => {
  it('finds names in any case, and keeps repeated ones apart', () => {
    const headers = new HeaderList(['Set-Cookie', 'a', 'X', '1', 'set-cookie', 'b'])
    expect(headers.getAll('SET-COOKIE')).toEqual(['a', 'b'])
    expect([headers.get('set-cookie'), headers.get('y'), headers.has('x')]).toEqual(['a, b', undefined, true])
  })

  it('changes the list it was given', () => {
    const flat = ['A', '1', 'b', '2', 'a', '3']
    new HeaderList(flat).set('a', '4').append('c', '5').delete('B')
    expect(flat).toEqual(['a', '4', 'c', '5'])
  })
})
