import type { JSX } from 'preact'
import { useRef, useState } from 'preact/hooks'
import type { InstanceRow, ServiceResponse } from '../src/api.ts'
import { type Polled, usePolled } from './api-client.ts'
import { type Change, ChangeDialog } from './change-dialog.tsx'
import { duration, percent, rate } from './format.ts'
import { InstanceTable } from './instance-table.tsx'
import { toEventsOf, toServices } from './location.ts'
import { Notice } from './notice.tsx'
import { OverrideList } from './override-list.tsx'
import { Pager } from './pager.tsx'
import { Attention } from './services-view.tsx'
import { TrafficChart } from './traffic-chart.tsx'

const limit = 50
const states = ['available', 'standby', 'drained', 'unhealthy', 'ejected', 'half-open', 'draining']
const orders = [
  ['trouble', 'trouble first'],
  ['list', 'as listed'],
  ['in-flight', 'most in flight'],
  ['failed', 'most failed'],
]

/** One service: its traffic, its instances, and what can be changed. */
export function ServiceView({ service }: { readonly service: string }): JSX.Element {
  const [offset, setOffset] = useState(0)
  const [state, setState] = useState('')
  const [sort, setSort] = useState('trouble')
  const [asked, setAsked] = useState<{ readonly number: number; readonly change: Change }>()
  const invoker = useRef<Element | null>(null)
  const query = new URLSearchParams({ offset: String(offset), limit: String(limit), sort, state })
  const polled = usePolled<ServiceResponse>(`services/${encodeURIComponent(service)}?${query}`)
  const ask = (change: Change): void => {
    invoker.current = document.activeElement
    setAsked((last) => ({ number: (last?.number ?? 0) + 1, change }))
  }
  // A dialog emits `close` a moment after it has closed: the next one may be asked for by then.
  const answered = (number: number): void => {
    setAsked((last) => (last?.number === number ? undefined : last))
    polled.refresh()
    if (invoker.current instanceof HTMLElement) invoker.current.focus()
  }
  return (
    <>
      <p class="crumbs">
        <a href={toServices}>Services</a> / <strong>{service}</strong> · <a href={toEventsOf(service)}>its events</a>
      </p>
      <Notice polled={polled} />
      <Body polled={polled} ask={ask} onOffset={setOffset}>
        <p class="filters">
          <label>
            State{' '}
            <select value={state} onChange={(event) => [setState(event.currentTarget.value), setOffset(0)]}>
              <option value="">all</option>
              {states.map((each) => (
                <option key={each}>{each}</option>
              ))}
            </select>
          </label>
          <label>
            Order{' '}
            <select value={sort} onChange={(event) => [setSort(event.currentTarget.value), setOffset(0)]}>
              {orders.map(([value, name]) => (
                <option key={value} value={value}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        </p>
      </Body>
      {asked === undefined ? null : (
        <ChangeDialog
          key={asked.number}
          service={service}
          change={asked.change}
          onClose={() => answered(asked.number)}
        />
      )}
    </>
  )
}

interface BodyProps {
  readonly polled: Polled<ServiceResponse>
  readonly ask: (change: Change) => void
  readonly onOffset: (offset: number) => void
  readonly children: JSX.Element
}

function Body({ polled: { data }, ask, onOffset, children }: BodyProps): JSX.Element | null {
  if (data === undefined) return null
  const { service, control, history, instances } = data
  const { traffic } = service
  const askFor = control
    ? (verb: Change['verb'], row: InstanceRow) => ask({ verb, instance: row.instance.id, row })
    : undefined
  return (
    <>
      <dl class="facts">
        <Fact name="Candidates" value={`${service.candidates} / ${service.known}`} />
        <Fact name="Calls/s" value={rate(traffic.perSecond)} />
        <Fact
          name="Failed"
          value={percent(traffic.perSecond === 0 ? 0 : traffic.failuresPerSecond / traffic.perSecond)}
        />
        <Fact name="p50 · p99" value={`${duration(traffic.p50Ms)} · ${duration(traffic.p99Ms)}`} />
        <Fact name="In flight · queued" value={`${service.inFlight} · ${service.queued}`} />
        <Fact
          name="Retry budget"
          value={service.retryBudget === undefined ? '–' : String(Math.floor(service.retryBudget))}
        />
        <Fact name="List" value={`${service.status}, ${duration(service.listAgeMs)} old`} />
        <Fact name="Discovery" value={service.discovery.replace(/Discovery$/, '')} />
        <Fact name="Balancer" value={service.balancer.replace(/Balancer$/, '')} />
      </dl>
      <p>
        <Attention service={service} />
        {service.discoveryError === undefined ? null : <span class="bad"> {service.discoveryError}</span>}
        {service.zone === undefined ? null : (
          <span>
            {' '}
            Zone {service.zone.local}: {service.zone.reason}
          </span>
        )}
      </p>
      <TrafficChart history={history} />
      <OverrideList service={service} ask={control ? ask : undefined} />
      {children}
      <InstanceTable total={data.total} instances={instances} ask={askFor} />
      <Pager page={data} onOffset={onOffset} />
    </>
  )
}

function Fact({ name, value }: { readonly name: string; readonly value: string }): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}
