import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { isAuthority, mayLackFields } from './request.ts'

describe('an authority', () => {
  it.each(['a', 'a:', 'a:80', 'a.example:65535', '127.0.0.1:8080', '[::1]', '[::1]:80', '[fe80::1%25eth0]:1', 'a_b'])(
    'is %s',
    (value) => expect(isAuthority(value)).toBe(true),
  )

  it.each([
    '',
    ':80',
    'a:b',
    'a:1:2',
    'a:123456',
    'a@b',
    'a/b',
    'a"b',
    'a b',
    '[',
    '[::1',
    '[]',
    '[::1]:b',
    '[::1]80',
    'a]b',
    '::1',
    'é',
  ])('is not %j', (value) => expect(isAuthority(value)).toBe(false))
})

describe('mayLackFields', () => {
  it.each([
    ['what Node keeps by default', undefined, 999, false],
    ['as many as Node keeps by default', undefined, 1_000, true],
    ['more, as some versions leave them', undefined, 1_023, true],
    ['no limit of the server', 0, 5_000, false],
    ['a limit of the server', 100, 99, false],
    ['as many as the server keeps', 100, 100, true],
    ['a limit beyond the default', 5_000, 4_999, false],
    ['null, as Node has it at first', null, 1_000, true],
  ])('%s', (_name, maxHeadersCount, fields, lacking) => {
    const rawHeaders = Array.from({ length: fields * 2 }, () => 'a')
    const request = { rawHeaders, socket: { server: { maxHeadersCount } } }
    expect(mayLackFields(request as unknown as IncomingMessage)).toBe(lacking)
  })
})
