import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LineSplitter, LineTooLongError } from './line-splitter.ts'

/** The lines, and whether one was too long. */
function split(pieces: readonly Buffer[], limit: number): { lines: string[]; isTooLong: boolean } {
  const splitter = new LineSplitter(limit)
  const lines: string[] = []
  try {
    for (const piece of pieces) for (const line of splitter.add(piece)) lines.push(line)
    for (const line of splitter.end()) lines.push(line)
    return { lines, isTooLong: false }
  } catch (error) {
    if (!(error instanceof LineTooLongError)) throw error
    return { lines, isTooLong: true }
  }
}

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = []
  let begin = 0
  for (const size of sizes) {
    pieces.push(bytes.subarray(begin, begin + size))
    begin += size
  }
  return [...pieces, bytes.subarray(begin)]
}

const text = fc
  .array(fc.constantFrom('\n', '\r\n', '\r', 'a', 'bcd', 'é', '€', '😀', '{"x":1}'), { maxLength: 40 })
  .map((parts) => parts.join(''))
const sizes = fc.array(fc.nat({ max: 6 }), { maxLength: 60 })

describe('lines', () => {
  it('are the same however the bytes are cut', () => {
    fc.assert(
      fc.property(text, sizes, fc.integer({ min: 1, max: 30 }), (whole, cuts, limit) => {
        const bytes = Buffer.from(whole)
        expect(split(cut(bytes, cuts), limit)).toEqual(split([bytes], limit))
      }),
      { seed: 20_240_607, numRuns: 1_000 },
    )
  })

  it('are what lies between their ends, without empty ones', () => {
    fc.assert(
      fc.property(text, sizes, (whole, cuts) => {
        const expected = whole
          .split('\n')
          .map((line) => line.replace(/\r$/, ''))
          .filter((line) => line !== '')
        expect(split(cut(Buffer.from(whole), cuts), 1_000)).toEqual({ lines: expected, isTooLong: false })
      }),
      { seed: 20_240_607, numRuns: 1_000 },
    )
  })

  it.each([
    ['as long as is allowed', 'abcde\n', ['abcde'], false],
    ['as long as is allowed, with CRLF', 'abcde\r\n', ['abcde'], false],
    ['as long as is allowed, without an end', 'abcde', ['abcde'], false],
    ['one byte longer', 'x\nabcdef\ny\n', ['x'], true],
    ['one byte longer, without an end', 'x\nabcdef', ['x'], true],
    ['longer in bytes, not in characters', 'é€😀\n', [], true],
  ])('%s', (_what, whole, lines, isTooLong) => {
    expect(split([Buffer.from(whole)], 5)).toEqual({ lines, isTooLong })
    expect(split(cut(Buffer.from(whole), [1, 1, 1, 1, 1, 1, 1, 1]), 5)).toEqual({ lines, isTooLong })
  })

  it('of which no end comes are given up before the end of the stream', () => {
    const splitter = new LineSplitter(5)
    expect(() => Array.from(splitter.add(Buffer.from('abcdefg')))).toThrow('a line of more than 5 bytes')
  })
})
