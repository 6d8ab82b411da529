import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HeaderBlock } from './header-block.ts'

describe('HeaderBlock', () => {
  const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 7) % 251))
  // Mostly near each other in one buffer, as the parser's are.
  const seldom = fc.nat({ max: 19 }).map((drawn) => drawn === 19)
  const piece = fc
    .record({ from: fc.nat({ max: 200 }), far: seldom, length: fc.nat({ max: 40 }), own: seldom })
    .map(({ from, far, length, own }) => {
      const start = far ? 69_000 + from : from
      const part = bytes.subarray(start, start + length)
      return own ? Buffer.from(part) : part
    })

  it('reads them wherever they lie: in any order, overlapping, far apart or in buffers of their own', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 16 }), (pieces) => {
        const block = new HeaderBlock(pieces)
        expect(pieces.map((each) => block.text(each))).toEqual(pieces.map((each) => each.toString('latin1')))
      }),
    )
  })
})
