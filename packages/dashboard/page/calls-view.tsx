import type { JSX } from 'preact'
import type { CallSummary, CallsResponse } from '../src/api.ts'
import { usePolled } from './api-client.ts'
import { duration } from './format.ts'
import { toCall, toService } from './location.ts'
import { Notice } from './notice.tsx'

/** The last calls that failed. */
export function CallsView(): JSX.Element {
  const polled = usePolled<CallsResponse>('calls')
  const { data } = polled
  return (
    <>
      <Notice polled={polled} />
      {data?.calls.length === 0 ? <p class="notice">No call has failed since the dashboard was created.</p> : null}
      {data === undefined || data.calls.length === 0 ? null : (
        <table>
          <caption>The last {data.calls.length} calls that failed</caption>
          <thead>
            <tr>
              <th scope="col">Call</th>
              <th scope="col">Service</th>
              <th scope="col">Result</th>
              <th scope="col">Ago</th>
              <th scope="col">Took</th>
              <th scope="col">Attempts</th>
              <th scope="col">Why</th>
            </tr>
          </thead>
          <tbody>
            {data.calls.map((each) => (
              <tr key={each.call}>
                <th scope="row">
                  <a href={toCall(each.call)}>{each.call}</a>
                </th>
                <td data-label="Service">
                  <a href={toService(each.service)}>{each.service}</a>
                </td>
                <td data-label="Result">
                  <span class="badge bad">{each.result}</span>
                </td>
                <td data-label="Ago">{duration(each.agoMs)}</td>
                <td data-label="Took">{duration(each.durationMs)}</td>
                <td data-label="Attempts">{each.attempts}</td>
                <td data-label="Why">{reasonOf(each)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  )
}

/** The status, the error with its causes, or both. */
export function reasonOf({ statusCode, error }: Pick<CallSummary, 'statusCode' | 'error'>): string {
  const texts: (string | number)[] = statusCode === undefined ? [] : [statusCode]
  for (let each = error; each !== undefined && texts.length < 5; each = each.cause) {
    texts.push(`${each.name}: ${each.message || each.code || 'no message'}`)
  }
  return texts.join(' ← ')
}
