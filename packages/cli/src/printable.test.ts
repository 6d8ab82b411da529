import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { displayWidth, printable, printableJson, shortened } from './printable.ts'

const dangerous = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u

// Quicker than a string of fast-check, and with more of what is dangerous.
const anyText = fc
  .array(
    fc.oneof(
      fc.nat(0x10ffff),
      fc.nat(0xff),
      fc.integer({ min: 0x2000, max: 0x206f }),
      fc.integer({ min: 0xd800, max: 0xdfff }),
    ),
  )
  .map((points) => String.fromCodePoint(...points))

describe('printable', () => {
  it.each([
    ['plain', 'plain'],
    ['zürich 東京 🚀', 'zürich 東京 🚀'],
    ['\u001b[2J\u001b]0;title\u0007', '\\u{1b}[2J\\u{1b}]0;title\\u{7}'],
    ['a\r\nb\tc\u0000', 'a\\u{d}\\u{a}b\\u{9}c\\u{0}'],
    ['\u009b31m', '\\u{9b}31m'],
    ['safe\u202egnp.exe', 'safe\\u{202e}gnp.exe'],
    ['zero\u200bwidth\u{e0041}', 'zero\\u{200b}width\\u{e0041}'],
    ['half \ud83d', 'half \\u{d83d}'],
  ])('%j', (text, shown) => {
    expect(printable(text)).toBe(shown)
  })

  it('leaves nothing that drives a terminal, in JSON neither, which stays the same value', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(printable(text)).not.toMatch(dangerous)
        const json = printableJson({ [text]: [text] })
        expect(json).not.toMatch(dangerous)
        expect(JSON.parse(json)).toEqual({ [text]: [text] })
      }),
      { seed: 20_240_607 },
    )
  })

  it('cuts what is long, and never within a character', () => {
    expect(printable('x'.repeat(1_000_000))).toBe(`${'x'.repeat(300)}…`)
    expect(printable('🚀🚀', 3)).toBe('🚀…')
  })
})

describe('width', () => {
  it.each([
    ['abc', 3],
    ['東京', 4],
    ['🚀', 2],
    ['e\u0301', 1],
  ])('of %s is %i', (text, width) => {
    expect(displayWidth(text)).toBe(width)
  })

  it('bounds what is shortened', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(20), (text, width) => {
        expect(displayWidth(shortened(text, width))).toBeLessThanOrEqual(width)
      }),
      { seed: 20_240_607 },
    )
    expect(shortened('東京都', 5)).toBe('東京…')
  })
})
