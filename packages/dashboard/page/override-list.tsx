import type { JSX } from 'preact'
import type { ServiceSummary } from '../src/api.ts'
import type { Change } from './change-dialog.tsx'
import { duration } from './format.ts'

interface OverrideListProps {
  readonly service: ServiceSummary
  readonly ask: ((change: Change) => void) | undefined
}

/** What was set at run time, also for instances that are not in the list now. */
export function OverrideList({ service, ask }: OverrideListProps): JSX.Element | null {
  const { overrides, balancer } = service
  const shares = overrides.find(({ kind }) => kind === 'shares')?.shares
  const isGrouped = balancer === 'GroupedBalancer'
  if (overrides.length === 0 && !isGrouped) return null
  return (
    <section aria-label="Overrides">
      {isGrouped && ask !== undefined ? (
        <button type="button" onClick={() => ask({ verb: 'shares', shares })}>
          Set shares
        </button>
      ) : null}
      <ul class="overrides">
        {overrides.map((each) => (
          <li key={`${each.kind} ${each.instanceId}`}>
            <span class="badge set">{each.kind}</span> {each.instanceId}{' '}
            {each.weight ?? (each.shares === undefined ? '' : JSON.stringify(each.shares))} by {each.by ?? 'unknown'},{' '}
            {duration(each.forMs)} ago{' '}
            {ask !== undefined && each.instanceId !== undefined ? (
              <button
                type="button"
                aria-label={`Restore ${each.instanceId}`}
                onClick={() => ask({ verb: 'restore', instance: each.instanceId })}
              >
                Restore
              </button>
            ) : null}
          </li>
        ))}
      </ul>
    </section>
  )
}
