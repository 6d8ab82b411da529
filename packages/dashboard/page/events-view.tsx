import type { EventLevel } from '@lb/core'
import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { DashboardEvent } from '../src/api.ts'
import { toCall, toService } from './location.ts'

const levels: readonly EventLevel[] = ['debug', 'info', 'warn', 'error']
/** How many events the page keeps. */
const maxShown = 300

interface Shown {
  readonly key: number
  readonly at: Date
  readonly event: DashboardEvent
}

/** The events as they happen. */
export function EventsView({ service: initial = '' }: { readonly service: string | undefined }): JSX.Element {
  const [level, setLevel] = useState('info')
  const [type, setType] = useState('')
  const [service, setService] = useState(initial)
  const [isPaused, setPaused] = useState(false)
  const stream = useEvents({ level, type, service }, isPaused)
  return (
    <>
      <p class="filters">
        <label>
          From level{' '}
          <select value={level} onChange={(event) => setLevel(event.currentTarget.value)}>
            {levels.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
        <label>
          Type{' '}
          <input
            placeholder="any"
            value={type}
            size={24}
            onChange={(event) => setType(event.currentTarget.value.trim())}
          />
        </label>
        <label>
          Service{' '}
          <input placeholder="any" value={service} onChange={(event) => setService(event.currentTarget.value)} />
        </label>
        <button type="button" aria-pressed={isPaused} onClick={() => setPaused(!isPaused)}>
          {isPaused ? 'Go on' : 'Pause'}
        </button>
        <span role="status">{stream.status}</span>
      </p>
      {stream.dropped === 0 ? null : <p class="notice">{stream.dropped} events were left out: there were too many.</p>}
      <ol class="events">
        {stream.events.map((each) => (
          <EventItem key={each.key} shown={each} />
        ))}
      </ol>
      {stream.events.length === 0 ? <p class="notice">No event yet.</p> : null}
    </>
  )
}

function EventItem({ shown: { at, event } }: { readonly shown: Shown }): JSX.Element {
  const { type, level, service, agoMs: _, ...rest } = event
  // Of other calls no story is kept.
  const call =
    type === 'call-finished' && (rest['result'] === 'failed' || rest['result'] === 'refused') ? rest['call'] : 0
  return (
    <li>
      <time dateTime={at.toISOString()}>{at.toLocaleTimeString()}</time>
      <span class={`badge ${level === 'error' ? 'bad' : level === 'warn' ? 'warn' : ''}`}>{type}</span>
      {service === undefined ? null : <a href={toService(service)}>{service}</a>}
      {typeof call === 'number' && call > 0 ? <a href={toCall(call)}>its story</a> : null}
      <code>{Object.entries(rest).map(([name, value]) => ` ${name}=${textOf(value)}`)}</code>
    </li>
  )
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'object' && value !== null && 'message' in value) return String(value.message)
  return JSON.stringify(value)
}

interface EventsState {
  readonly events: readonly Shown[]
  readonly dropped: number
  readonly status: string
}

interface Filters {
  readonly level: string
  readonly type: string
  readonly service: string
}

function useEvents({ level, type, service }: Filters, isPaused: boolean): EventsState {
  const [state, setState] = useState<EventsState>({ events: [], dropped: 0, status: '' })
  useEffect(() => setState({ events: [], dropped: 0, status: '' }), [level, type, service])
  useEffect(() => {
    if (isPaused) {
      setState((before) => ({ ...before, status: 'paused' }))
      return
    }
    let key = performance.now()
    let gathered: Shown[] = []
    const query = new URLSearchParams({ level, type, service })
    const source = new EventSource(new URL(`api/v1/events?${query}`, document.baseURI))
    const status = (text: string): void => setState((before) => ({ ...before, status: text }))
    source.onopen = () => status('live')
    source.onerror = () => status(source.readyState === source.CLOSED ? 'refused: too many streams?' : 'connecting …')
    source.onmessage = ({ data }) => {
      const event = JSON.parse(data) as DashboardEvent
      gathered.push({ key: key++, at: new Date(Date.now() - event.agoMs), event })
    }
    source.addEventListener('dropped', ({ data }) => {
      const { dropped } = JSON.parse(data) as { dropped: number }
      setState((before) => ({ ...before, dropped: before.dropped + dropped }))
    })
    // Not for each one: they come in bursts.
    const timer = setInterval(() => {
      if (gathered.length === 0) return
      const newest = gathered.toReversed()
      gathered = []
      setState((before) => ({ ...before, events: [...newest, ...before.events].slice(0, maxShown) }))
    }, 250)
    return () => {
      source.close()
      clearInterval(timer)
    }
  }, [level, type, service, isPaused])
  return state
}
