import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { XxHash64 } from './xxhash64.ts'

function hashed(text: string, seed = 0n): bigint {
  const hash = new XxHash64()
  hash.hash(text, Number(seed & 0xffffffffn), Number(seed >> 32n))
  return asBigInt(hash)
}

function asBigInt({ high, low }: XxHash64): bigint {
  return (BigInt(high) << 32n) | BigInt(low)
}

const [p1, p2, p3, p4, p5] = [
  11_400_714_785_074_694_791n,
  14_029_467_366_897_019_727n,
  1_609_587_929_392_839_161n,
  9_650_029_242_287_828_579n,
  2_870_177_450_012_600_261n,
]
const wrap = (value: bigint): bigint => BigInt.asUintN(64, value)
const rotate = (value: bigint, bits: bigint): bigint => wrap(value << bits) | (value >> (64n - bits))
const round = (sum: bigint, input: bigint): bigint => wrap(rotate(wrap(sum + input * p2), 31n) * p1)

/** The steps of the specification, one by one. */
function specified(text: string, seed: bigint): bigint {
  const bytes = new TextEncoder().encode(text)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = 0
  let sum = wrap(seed + p5)
  if (bytes.length >= 32) {
    const lanes = [wrap(seed + p1 + p2), wrap(seed + p2), seed, wrap(seed - p1)]
    for (; at + 32 <= bytes.length; at += 32) {
      for (const [lane, value] of lanes.entries()) lanes[lane] = round(value, view.getBigUint64(at + 8 * lane, true))
    }
    sum = wrap([1n, 7n, 12n, 18n].reduce((total, bits, lane) => total + rotate(lanes[lane] as bigint, bits), 0n))
    for (const lane of lanes) sum = wrap((sum ^ round(0n, lane)) * p1 + p4)
  }
  sum = wrap(sum + BigInt(bytes.length))
  for (; at + 8 <= bytes.length; at += 8)
    sum = wrap(rotate(sum ^ round(0n, view.getBigUint64(at, true)), 27n) * p1 + p4)
  if (at + 4 <= bytes.length) {
    sum = wrap(rotate(sum ^ wrap(BigInt(view.getUint32(at, true)) * p1), 23n) * p2 + p3)
    at += 4
  }
  for (; at < bytes.length; at++) sum = wrap(rotate(sum ^ wrap(BigInt(view.getUint8(at)) * p5), 11n) * p1)
  sum = wrap((sum ^ (sum >> 33n)) * p2)
  sum = wrap((sum ^ (sum >> 29n)) * p3)
  return sum ^ (sum >> 32n)
}

const seeds = fc.oneof(
  fc.bigInt(0n, 2n ** 64n - 1n),
  fc.constantFrom(0n, 1n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 64n - 1n),
)

describe('XxHash64', () => {
  it.each([
    ['', 0xef46db3751d8e999n],
    ['a', 0xd24ec4f1a98c6e5bn],
    ['abc', 0x44bc2cf5ad770999n],
  ])('gives the published hash of %j', (text, expected) => {
    expect(hashed(text)).toBe(expected)
  })

  it('gives the published hash of a text longer than a stripe', () => {
    expect(hashed('Nobody inspects the spammish repetition')).toBe(0xfbcea83c8a378bf1n)
  })

  it('does what the specification says, for any text and seed', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.string({ unit: 'grapheme', maxLength: 60 }),
      fc.string({ minLength: 0, maxLength: 200 }),
    )
    fc.assert(
      fc.property(texts, seeds, (text, seed) => {
        expect(hashed(text, seed)).toBe(specified(text, seed))
      }),
      { seed: 20_240_607, numRuns: 2_000 },
    )
  })

  it('does so at every length from 0 to 200', () => {
    for (let length = 0; length <= 200; length++) {
      const text = Array.from({ length }, (_, index) => String.fromCharCode(33 + ((index * 7) % 90))).join('')
      for (const seed of [0n, 1n, 0x9e3779b185ebca8dn]) expect(hashed(text, seed)).toBe(specified(text, seed))
    }
  })

  it('takes a surrogate without its other half for U+FFFD', () => {
    for (const text of ['\ud800', 'a\udc00b', '\ud83d\ud83d\ude00', '\ude00\ud83d']) {
      expect(hashed(text)).toBe(specified(text, 0n))
    }
    expect(hashed('a\udc00b')).toBe(hashed('a\ufffdb'))
  })

  it('does not depend on what was hashed before', () => {
    const hash = new XxHash64()
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), seeds, (text, seed) => {
        hash.hash(text, Number(seed & 0xffffffffn), Number(seed >> 32n))
        expect(asBigInt(hash)).toBe(specified(text, seed))
      }),
      { seed: 20_240_607, numRuns: 500 },
    )
  })

  it('gives the exact remainder of all 64 bits', () => {
    const hash = new XxHash64()
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 2 ** 26 }), (text, modulus) => {
        hash.hash(text)
        expect(hash.remainder(modulus)).toBe(Number(asBigInt(hash) % BigInt(modulus)))
      }),
      { seed: 20_240_607, numRuns: 2_000 },
    )
  })
})
