import { formatMs } from './number-format.ts'

const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']
const levels = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']

/** A bar of `ratio`, from 0 to 1, of `width` columns. */
function bar(ratio: number, width: number): string {
  const parts = Math.round(Math.min(1, Math.max(0, ratio)) * width * 8)
  return '█'.repeat(Math.floor(parts / 8)) + (eighths[parts % 8] ?? '')
}

/**
 * A histogram of durations in ascending order, in `lines` lines. The bounds grow by one factor: latencies differ by magnitudes, not by
 * amounts.
 */
export function histogram(sorted: Float64Array, { width, lines = 10 }: { width: number; lines?: number }): string {
  const least = Math.max(sorted[0] ?? 0, 0.001)
  const most = sorted.at(-1) ?? 0
  if (sorted.length === 0) return ''
  const isFlat = most / least < 1.001
  const factor = isFlat ? 1 : (most / least) ** (1 / lines)
  const bounds = isFlat ? [most] : Array.from({ length: lines }, (_, index) => least * factor ** (index + 1))
  const counts = bounds.map(() => 0)
  for (const value of sorted) {
    const index = bounds.findIndex((bound, position) => value <= bound || position === bounds.length - 1)
    counts[index] = (counts[index] ?? 0) + 1
  }
  const highest = Math.max(...counts)
  const labels = bounds.map((bound) => `≤ ${formatMs(bound)}`)
  const labelWidth = Math.max(...labels.map((label) => label.length))
  const countWidth = `${highest}`.length
  const barWidth = Math.max(4, width - labelWidth - countWidth - 2)
  return counts
    .map((count, index) => {
      const label = (labels[index] ?? '').padStart(labelWidth)
      return `${label} ${`${count}`.padStart(countWidth)} ${bar(count / highest, barWidth)}`.trimEnd()
    })
    .map((line) => `${line}\n`)
    .join('')
}

/** Columns of `height` lines for ratios from 0 to 1, with an axis; more values than `width` allows are joined to their least. */
export function columnPlot(
  ratios: readonly number[],
  { width, height = 6 }: { width: number; height?: number },
): string {
  const axis = 6
  const values = joined(ratios, Math.max(8, width - axis))
  const lines = Array.from({ length: height }, (_, line) => {
    const base = height - 1 - line
    const cells = values.map((value) => {
      const filled = Math.round((value * height - base) * levels.length)
      return filled <= 0 ? ' ' : (levels[Math.min(filled, levels.length) - 1] ?? '')
    })
    const label = line === 0 ? '100 % ' : line === height - 1 ? '  0 % ' : '      '
    return `${label}${cells.join('')}`.trimEnd()
  })
  return lines.map((line) => `${line}\n`).join('')
}

function joined(values: readonly number[], most: number): readonly number[] {
  if (values.length <= most) return values
  const perColumn = Math.ceil(values.length / most)
  return Array.from({ length: Math.ceil(values.length / perColumn) }, (_, index) =>
    Math.min(...values.slice(index * perColumn, (index + 1) * perColumn)),
  )
}
