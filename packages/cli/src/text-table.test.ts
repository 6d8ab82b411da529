import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { displayWidth } from './printable.ts'
import { textTable } from './text-table.ts'

type Row = readonly [name: string, count: number, empty: string]

const columns = [
  { title: 'NAME', cell: ([name]: Row) => name },
  { title: 'COUNT', cell: ([, count]: Row) => `${count}`, align: 'right' as const },
  { title: 'EMPTY', cell: ([, , empty]: Row) => empty },
]
const rows: Row[] = [
  ['a-long-name-of-an-instance', 7, ''],
  ['b', 1_234, ''],
]

describe('a table', () => {
  it('is aligned, without columns that are empty', () => {
    expect(textTable(columns, rows)).toBe(
      'NAME                        COUNT\na-long-name-of-an-instance      7\nb                            1234\n',
    )
  })

  it('cuts the widest column on a narrow terminal', () => {
    expect(textTable(columns, rows, { width: 20 })).toBe(
      'NAME           COUNT\na-long-name-…      7\nb               1234\n',
    )
  })

  it('becomes a line for each cell where even that does not fit', () => {
    expect(textTable(columns, rows, { width: 11 })).toBe('NAME a-lon…\nCOUNT 7\n\nNAME b\nCOUNT 1234\n')
  })

  it('takes more rows than a function takes arguments', () => {
    const many = Array.from({ length: 200_000 }, (): Row => ['a', 1, ''])
    expect(textTable(columns, many).length).toBeGreaterThan(200_000)
  })

  it('never is wider than the terminal', () => {
    const anyRows = fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), fc.nat(), fc.string({ unit: 'grapheme' })))
    fc.assert(
      fc.property(anyRows, fc.integer({ min: 1, max: 60 }), (each, width) => {
        for (const line of textTable(columns, each, { width }).split('\n'))
          expect(displayWidth(line)).toBeLessThanOrEqual(width)
      }),
      { seed: 20_240_607 },
    )
  })
})
