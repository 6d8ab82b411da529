import { domainToASCII } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodePunycode } from './punycode.ts'

describe('decodePunycode', () => {
  // RFC 3492 section 7.1, and labels in use.
  it.each([
    ['bcher-kva', 'bücher'],
    ['BCHER-KVA', 'BüCHER'],
    ['egbpdaj6bu4bxfgehfvwxn', 'ليهمابتكلموشعربي؟'],
    ['ihqwcrb4cv8a8dqg056pqjye', '他们为什么不说中文'],
    ['Proprostnemluvesky-uyb24dma41a', 'Pročprostěnemluvíčesky'],
    ['de-jg4avhby1noc0d', 'パフィーdeルンバ'],
    ['ls8h', '💩'],
  ])('takes %s for %s', (encoded, text) => {
    expect(decodePunycode(encoded)).toBe(text)
  })

  it.each(['0', 'zz', 'a_b', 'abc-!', '99999999', 'bcher-kv', 'é'])('takes %s for nothing', (encoded) => {
    expect(decodePunycode(encoded)).toBeUndefined()
  })

  it('reads what the platform writes', () => {
    const letter = fc.constantFrom(...'abcxyz019üößñ日本語कखابتжы'.split(''))
    fc.assert(
      fc.property(fc.string({ unit: letter, minLength: 1, maxLength: 20 }), (text) => {
        const ascii = domainToASCII(text)
        fc.pre(ascii.startsWith('xn--') && !ascii.includes('.'))
        expect(decodePunycode(ascii.slice(4))).toBe(text.normalize('NFC'))
      }),
      { seed: 20_260_101, numRuns: 500 },
    )
  })

  it('ends on any text', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), (text) => {
        const decoded = decodePunycode(text)
        expect(decoded === undefined || !/\p{Cs}/u.test(decoded)).toBe(true)
      }),
      { seed: 20_260_102, numRuns: 2_000 },
    )
  })
})
