/** A Markdown table that also reads well in a terminal: the first `left` columns to the left, the others to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], left = 1): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0), 3))
  const pad = (width: number, column: number, cell = ''): string =>
    column < left ? cell.padEnd(width) : cell.padStart(width)
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, column) => pad(width, column, row[column])).join(' | ')} |`
  const rule = widths.map((width, column) => (column < left ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  return [line(head), line(rule), ...rows.map(line)].join('\n')
}
