import type { JSX } from 'preact'
import type { Page } from '../src/api.ts'

interface PagerProps {
  readonly page: Page
  readonly onOffset: (offset: number) => void
}

/** Goes through a long list; nothing if the list is short. */
export function Pager({ page: { total, offset, limit }, onOffset }: PagerProps): JSX.Element | null {
  if (total <= limit && offset === 0) return null
  const last = Math.min(offset + limit, total)
  return (
    <p class="pager">
      <button type="button" disabled={offset === 0} onClick={() => onOffset(Math.max(0, offset - limit))}>
        ← Previous
      </button>
      <span>
        {total === 0 ? 0 : offset + 1}–{last} of {total}
      </span>
      <button type="button" disabled={last >= total} onClick={() => onOffset(offset + limit)}>
        Next →
      </button>
    </p>
  )
}
