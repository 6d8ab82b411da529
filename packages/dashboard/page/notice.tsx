import type { JSX } from 'preact'
import type { Polled } from './api-client.ts'

/** Says why there is nothing to see, or nothing new. */
export function Notice({ polled }: { readonly polled: Polled<unknown> }): JSX.Element | null {
  const { data, error } = polled
  if (error !== undefined) {
    return (
      <p class="notice bad" role="alert">
        {error.message} {data === undefined ? null : 'What is below is from before.'}
      </p>
    )
  }
  return data === undefined ? <p class="notice">Loading …</p> : null
}
