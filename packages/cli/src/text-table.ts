import { displayWidth, shortened } from './printable.ts'
import type { Style } from './text-style.ts'

/** A column of a table. */
export interface Column<Row> {
  readonly title: string
  /** The cell, without control characters. */
  readonly cell: (row: Row) => string
  readonly align?: 'left' | 'right'
  /** Colours the padded cell. */
  readonly style?: (row: Row) => Style
}

const gap = '  '
const leastWidth = 6

/**
 * A table, one line for each row. On a terminal that is too narrow the widest columns are cut; if that is not enough, each row becomes
 * lines of `TITLE value`. Without `width`, nothing is cut. Columns in which every cell is empty are left out.
 */
export function textTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { width, heading }: { readonly width?: number | undefined; readonly heading?: Style } = {},
): string {
  const used = columns.filter(({ cell }) => rows.length === 0 || rows.some((row) => cell(row) !== ''))
  // Not `Math.max(...)`: there may be more rows than a function may have arguments.
  const natural = used.map(({ title, cell }) =>
    rows.reduce((most, row) => Math.max(most, displayWidth(cell(row))), displayWidth(title)),
  )
  const widths = width === undefined ? natural : fitted(natural, width)
  if (widths === undefined) return records(used, rows, width ?? 0)
  const line = (cells: readonly string[]): string => cells.join(gap).trimEnd()
  const title = used.map((column, index) => padded(column.title, widths[index] ?? 0, column.align))
  const body = rows.map((row) =>
    line(
      used.map((column, index) => {
        const text = padded(column.cell(row), widths[index] ?? 0, column.align)
        return column.style?.(row)(text) ?? text
      }),
    ),
  )
  return [heading?.(line(title)) ?? line(title), ...body].map((each) => `${each}\n`).join('')
}

/** The widths with the widest cut until all fit; `undefined` when they cannot. */
function fitted(natural: readonly number[], width: number): number[] | undefined {
  const widths = [...natural]
  let excess = widths.reduce((sum, each) => sum + each, 0) + gap.length * (widths.length - 1) - width
  while (excess > 0) {
    const widest = Math.max(...widths)
    if (widest <= leastWidth) return undefined
    widths[widths.indexOf(widest)] = widest - 1
    excess--
  }
  return widths
}

function padded(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const short = shortened(text, width)
  const padding = ' '.repeat(Math.max(0, width - displayWidth(short)))
  return align === 'right' ? padding + short : short + padding
}

function records<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number): string {
  const lines = rows.map((row) =>
    columns
      .filter(({ cell }) => cell(row) !== '')
      .map(({ title, cell }) => `${shortened(`${title} ${cell(row)}`, width)}\n`)
      .join(''),
  )
  return lines.join('\n')
}
