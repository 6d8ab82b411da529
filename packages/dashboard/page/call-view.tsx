import type { JSX } from 'preact'
import type { AttemptStory, CallStory } from '../src/api.ts'
import { usePolled } from './api-client.ts'
import { reasonOf } from './calls-view.tsx'
import { duration, plural } from './format.ts'
import { toCalls, toService } from './location.ts'
import { Notice } from './notice.tsx'

/** What happened to one call: its attempts, each with where it went, when, and what became of it. */
export function CallView({ call }: { readonly call: string }): JSX.Element {
  const polled = usePolled<CallStory>(`calls/${encodeURIComponent(call)}`, 10_000)
  const { data } = polled
  return (
    <>
      <p class="crumbs">
        <a href={toCalls}>Failed calls</a> / <strong>{call}</strong>
      </p>
      <Notice polled={polled} />
      {data === undefined ? null : (
        <>
          <p>
            <a href={toService(data.service)}>{data.service}</a> <span class="badge bad">{data.result}</span> after{' '}
            {duration(data.durationMs)} ({duration(data.queuedMs)} of it waiting), {plural(data.attempts, 'attempt')},{' '}
            {data.idempotent ? 'idempotent' : 'not idempotent'}, {duration(data.agoMs)} ago. {reasonOf(data)}
          </p>
          <ol class="attempts">
            {data.story.map((each) => (
              <Attempt key={each.number} attempt={each} totalMs={Math.max(data.durationMs, 1)} />
            ))}
          </ol>
        </>
      )}
    </>
  )
}

function Attempt({ attempt, totalMs }: { readonly attempt: AttemptStory; readonly totalMs: number }): JSX.Element {
  const { number, kind, instance, startedMs, latencyMs = 0, outcome } = attempt
  const start = Math.min(100, (100 * startedMs) / totalMs)
  const width = Math.max(0.5, Math.min(100 - start, (100 * latencyMs) / totalMs))
  return (
    <li>
      <span>
        {number}. {kind} on <span class="id">{instance}</span>{' '}
        <span class={`badge ${outcome === 'ok' ? 'good' : outcome === 'failed' ? 'bad' : ''}`}>{outcome}</span> at{' '}
        {duration(startedMs)}, took {duration(attempt.latencyMs)} {reasonOf(attempt)}
      </span>
      <svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
        <rect class={outcome === 'failed' ? 'failures' : 'count'} x={start} width={width} y={0} height={4} />
      </svg>
    </li>
  )
}
