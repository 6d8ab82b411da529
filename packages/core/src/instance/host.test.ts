import { isIP } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { authorityOf, hostProblem, isIPv6 } from './host.ts'

describe('hostProblem', () => {
  it.each([
    'localhost',
    'users.internal',
    'a-b.example',
    '_grpc._tcp.example',
    'xn--bcher-kva.example',
    'XN--BCHER-KVA.example',
    'xn--ls8h.xn--80ak6aa92e',
    '10.0.1.12',
    '0.0.0.0',
    '255.255.255.255',
    '1.example',
    '10-0-0-1.pods.local',
    '::1',
    '2001:db8::1',
    '::ffff:10.0.0.1',
    'a'.repeat(63),
    `${'a.'.repeat(126)}a`,
  ])('finds nothing wrong with %j', (host) => {
    expect(hostProblem(host)).toBeUndefined()
  })

  it.each([
    ['', 'is empty'],
    ['a'.repeat(254), 'is longer than 253 characters'],
    [`${'a.'.repeat(127)}`, 'is longer than 253 characters'],
    ['a'.repeat(64), 'has a label longer than 63 characters'],
    ['a.example.', 'has an empty label'],
    ['.example', 'has an empty label'],
    ['a..example', 'has an empty label'],
    ['0x7f.1', 'is not an IPv4 address in dotted decimal'],
    ['0x7f000001', 'is not an IPv4 address in dotted decimal'],
    ['1.2.3.0X4', 'is not an IPv4 address in dotted decimal'],
    ['10.1', 'is not an IPv4 address in dotted decimal'],
    ['2130706433', 'is not an IPv4 address in dotted decimal'],
    ['999.1.1.1', 'is not an IPv4 address in dotted decimal'],
    ['1.2.3.256', 'is not an IPv4 address in dotted decimal'],
    ['01.2.3.4', 'is not an IPv4 address in dotted decimal'],
    ['1.2.3.4.5', 'is not an IPv4 address in dotted decimal'],
    ['a.example.1', 'is not an IPv4 address in dotted decimal'],
    ['xn--a', 'has a label that begins with "xn--" and is not punycode'],
    ['xn--0', 'has a label that begins with "xn--" and is not punycode'],
    ['XN--A.example', 'has a label that begins with "xn--" and is not punycode'],
    ['a.xn--zz.example', 'has a label that begins with "xn--" and is not punycode'],
    ['xn--a-b', 'has a label that begins with "xn--" and is not punycode'],
    ['10.0.0.1:80', 'is not an IPv6 address'],
    ['[::1]', 'is not an IPv6 address'],
    ['fe80::1%eth0', 'is not an IPv6 address'],
    ['1::2::3', 'is not an IPv6 address'],
  ])('says of %j that it %s', (host, problem) => {
    expect(hostProblem(host)).toBe(problem)
  })

  it.each([
    'a b',
    ' a',
    'a\n',
    'a/b',
    'a\\b',
    'a@b',
    'user:pw@a',
    'a?b',
    'a#b',
    'a%20b',
    '-a',
    'a-',
    'ü.example',
    'a\0',
    '*.example',
  ])('refuses the characters of %j', (host) => {
    expect(hostProblem(host)).toMatch(/cannot have|is not an IPv6 address/)
  })

  it('passes only hosts that a URL parser reads as the same host', () => {
    const characters = fc.constantFrom(...'abcxXnNF019.-_:[]@/%#? '.split(''))
    const international = fc
      .string({ unit: fc.constantFrom(...'abz09-'.split('')), maxLength: 6 })
      .map((text) => `xn--${text}`)
    const host = fc.oneof(
      fc.string({ unit: characters, maxLength: 12 }),
      fc.ipV4(),
      fc.ipV4Extended(),
      fc.domain(),
      international,
    )
    fc.assert(
      fc.property(host, (text) => {
        fc.pre(hostProblem(text) === undefined && !text.includes(':'))
        expect(new URL(`http://${text}:8080/`).host).toBe(`${text.toLowerCase()}:8080`)
      }),
      { seed: 20_240_601, numRuns: 2_000 },
    )
  })
})

describe('isIPv6', () => {
  it.each([
    '::',
    '::1',
    '1::',
    '1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7::',
    '::2:3:4:5:6:7:8',
    'FE80::a',
    '::1.2.3.4',
    '1:2:3:4:5:6:1.2.3.4',
  ])('takes %s', (text) => {
    expect(isIPv6(text)).toBe(true)
  })

  it.each([
    '',
    ':',
    ':::',
    '1:',
    ':1',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2:3:4:5:6:7:8',
    '12345::',
    'g::',
    '1.2.3.4',
    '::1.2.3.4:5',
    '1.2.3.4::',
    '::1.2.3',
    '::1.2.3.256',
    '::1%1',
  ])('refuses %j', (text) => {
    expect(isIPv6(text)).toBe(false)
  })

  it('agrees with the platform', () => {
    const part = fc.constantFrom('0', 'a', 'ffff', '12345', ':', '::', ':', '1.2.3.4', '1.2.3')
    const nearly = fc.array(part, { minLength: 1, maxLength: 17 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.oneof(fc.ipV6(), nearly), (text) => {
        expect(isIPv6(text)).toBe(isIP(text) === 6)
      }),
      { seed: 20_240_602, numRuns: 5_000 },
    )
  })
})

describe('authorityOf', () => {
  it('puts brackets around an IPv6 address only', () => {
    expect([authorityOf('::1', 80), authorityOf('10.0.0.1', 80), authorityOf('a.example', '8443')]).toEqual([
      '[::1]:80',
      '10.0.0.1:80',
      'a.example:8443',
    ])
    expect([authorityOf('2001:db8::2'), authorityOf('a.example')]).toEqual(['[2001:db8::2]', 'a.example'])
  })
})
