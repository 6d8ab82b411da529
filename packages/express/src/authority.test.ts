import { describe, expect, it } from 'vitest'
import { isAuthority } from './authority.ts'

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
