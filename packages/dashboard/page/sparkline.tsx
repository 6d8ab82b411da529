import type { JSX } from 'preact'
import { duration } from './format.ts'

const [width, height] = [96, 20]

/** How a value went; a gap where there was none. */
export function Sparkline({ values }: { readonly values: readonly (number | null)[] }): JSX.Element {
  const known = values.filter((value) => value !== null)
  const max = Math.max(...known, 0)
  const label = known.length === 0 ? 'no latency yet' : `median latency of the last minute, at most ${duration(max)}`
  return (
    <svg class="spark" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
      <title>{label}</title>
      <path d={linePath(values, { width, height, max })} />
    </svg>
  )
}

interface Frame {
  readonly width: number
  readonly height: number
  readonly max: number
}

/** A line through the values, broken where there is none. */
export function linePath(values: readonly (number | null | undefined)[], { width, height, max }: Frame): string {
  const step = width / Math.max(1, values.length - 1)
  let isDown = false
  let path = ''
  for (const [index, value] of values.entries()) {
    if (value === null || value === undefined) {
      isDown = false
      continue
    }
    const y = height - 1 - (max === 0 ? 0 : (value / max) * (height - 2))
    // A point alone is a dot.
    path += `${isDown ? 'L' : 'M'}${(index * step).toFixed(1)} ${y.toFixed(1)}${isDown ? '' : 'h.1'}`
    isDown = true
  }
  return path
}
