import { describe, expect, it } from 'vitest'
import { UnusableResponse } from './errors.ts'
import { ResponseHeaders } from './response.ts'

/** As the parser gives them: pieces of one buffer. */
function pieces(fields: readonly string[]): Buffer[] {
  const block = Buffer.from(fields.join(': '), 'latin1')
  let at = 0
  return fields.map((each) => {
    const piece = block.subarray(at, at + each.length)
    at += each.length + 2
    return piece
  })
}

/** As it gives them when they came in several reads. */
const apart = (fields: readonly string[]): Buffer[] => fields.map((each) => Buffer.from(each, 'latin1'))

describe.each([
  ['of one read', pieces],
  ['of several', apart],
])('ResponseHeaders %s', (_name, raw) => {
  it('keeps what passes, byte for byte', () => {
    const fields = ['X-A', 'é\xff', 'Vary', '', 'x-a', '2']
    expect(new ResponseHeaders(200, raw(fields)).passing).toEqual(fields)
    expect(new ResponseHeaders(200, []).passing).toEqual([])
  })

  it('finds what has to be rewritten, also after fields were taken out', () => {
    const fields = ['X-Hop', '1', 'Set-Cookie', 'a=1', 'Location', '/a', 'Connection', 'X-Hop']
    const { passing, location, cookies } = new ResponseHeaders(302, raw(fields))
    expect(passing).toEqual(['Set-Cookie', 'a=1', 'Location', '/a'])
    expect([passing[location], cookies.map((index) => passing[index])]).toEqual(['/a', ['a=1']])
  })

  // The parser refuses most of these before; whoever passes them on relies on it no further than this.
  it.each([
    [['Content-Length', '5', 'Transfer-Encoding', 'chunked']],
    [['Transfer-Encoding', 'chunked', 'Content-Length', '5']],
    [['Content-Length', '5', 'Content-Length', '5']],
    [['Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked']],
    [['Transfer-Encoding', 'gzip, chunked']],
  ])('refuses %j', (fields) => {
    expect(() => new ResponseHeaders(200, raw(fields))).toThrow(UnusableResponse)
  })
})
