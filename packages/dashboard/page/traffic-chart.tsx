import type { JSX } from 'preact'
import type { TrafficPoint } from '../src/api.ts'
import { duration } from './format.ts'
import { linePath } from './sparkline.tsx'

const [width, height] = [600, 80]

/** The last minute of a service: calls and failures of each second as bars, and the latency as lines. */
export function TrafficChart({ history }: { readonly history: readonly TrafficPoint[] }): JSX.Element {
  const max = Math.max(1, ...history.map(({ count }) => count))
  const maxMs = Math.max(0, ...history.map(({ p99Ms = 0 }) => p99Ms))
  // The newest second is at the right end, however few there are.
  const points = Array.from({ length: 60 }, (_, index) => history[history.length - 60 + index])
  const bar = width / points.length
  const label = `Calls of the last minute: at most ${max} in a second, p99 at most ${duration(maxMs)}`
  return (
    <figure>
      <svg class="chart" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={label}>
        {points.map((point, index) =>
          point === undefined || point.count === 0 ? null : (
            <g key={point.secondsAgo}>
              <title>
                {point.secondsAgo} s ago: {point.count} calls, {point.failures} failed, p50 {duration(point.p50Ms)}, p99{' '}
                {duration(point.p99Ms)}
              </title>
              <rect class="count" x={index * bar} width={bar - 1} {...vertical(point.count / max)} />
              <rect class="failures" x={index * bar} width={bar - 1} {...vertical(point.failures / max)} />
            </g>
          ),
        )}
        <path
          class="p50"
          d={linePath(
            points.map((point) => point?.p50Ms),
            { width, height, max: maxMs },
          )}
        />
        <path
          class="p99"
          d={linePath(
            points.map((point) => point?.p99Ms),
            { width, height, max: maxMs },
          )}
        />
      </svg>
      <figcaption>
        <span class="key count">calls, at most {max}/s</span>
        <span class="key failures">failed</span>
        <span class="key p50">p50</span>
        <span class="key p99">p99, at most {duration(maxMs)}</span>
      </figcaption>
    </figure>
  )
}

function vertical(part: number): { readonly y: number; readonly height: number } {
  const tall = part * (height - 2)
  return { y: height - tall, height: tall }
}
