import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { labelValue } from './label-value.ts'

describe('the value of a label', () => {
  it('is the text where that is short and printable', () => {
    for (const text of ['user-service', '用户', 'a"b\\c', '👍', 'x'.repeat(120)]) expect(labelValue(text)).toBe(text)
  })

  it('has neither control characters nor halves of pairs, and at most 137 characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
        const value = labelValue(text)
        expect(value).not.toMatch(/[\p{Cc}\p{Cs}]/u)
        expect(value.length).toBeLessThanOrEqual(137)
      }),
      { seed: 20_240_607 },
    )
    expect(labelValue('a\ud800')).toMatch(/^a\ufffd…/)
  })

  it('keeps apart what differs in what is cut off or replaced', () => {
    const long = 'x'.repeat(200)
    expect(labelValue(`${long}1`)).not.toBe(labelValue(`${long}2`))
    expect(labelValue('a\nb')).not.toBe(labelValue('a\tb'))
  })
})
