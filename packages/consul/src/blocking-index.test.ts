import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nextIndex } from './blocking-index.ts'

describe('the next index', () => {
  it.each<[string, bigint | undefined, string | undefined, bigint | undefined]>([
    ['is that of the first answer', undefined, '12', 12n],
    ['goes up', 12n, '13', 13n],
    ['stays when nothing changed', 13n, '13', 13n],
    ['is none when it went backwards, so that the loop starts again', 13n, '12', undefined],
    ['is 1 when the answer says 0, which would be answered at once for ever', undefined, '0', 1n],
    ['stays 1 when the answer says 0 again', 1n, '0', 1n],
    ['is none when 0 comes after more than 1', 2n, '0', undefined],
    ['is exact beyond 2^53', 9_007_199_254_740_992n, '9007199254740993', 9_007_199_254_740_993n],
    ['is none beyond 64 bits', 1n, '18446744073709551616', undefined],
    ['may be the last of 64 bits', 1n, '18446744073709551615', 18_446_744_073_709_551_615n],
    ['is none without a header', 5n, undefined, undefined],
    ['is none for an empty header', 5n, '', undefined],
    ['is none for a negative one', 5n, '-6', undefined],
    ['is none for one that is no decimal', undefined, '0x10', undefined],
    ['is none for a fraction', undefined, '7.5', undefined],
    ['is none for two at once', undefined, '7, 8', undefined],
    ['is none for endless digits', undefined, '1'.repeat(100_000), undefined],
  ])('%s', (_, asked, header, expected) => {
    expect(nextIndex(asked, header)).toBe(expected)
  })

  it('is never 0, never less than the one before, and never more than was told', () => {
    const index = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n })
    fc.assert(
      fc.property(fc.option(index, { nil: undefined }), fc.oneof(index.map(String), fc.string()), (asked, header) => {
        const next = nextIndex(asked, header)
        if (next === undefined) return
        expect(next).toBeGreaterThanOrEqual(asked ?? 1n)
        expect(next === BigInt(header) || (next === 1n && BigInt(header) === 0n)).toBe(true)
      }),
      { seed: 20_240_607 },
    )
  })
})
