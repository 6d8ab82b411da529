import type { JSX } from 'preact'
import type { ControlVerb, InstanceRow } from '../src/api.ts'
import { duration, percent, plural, rate } from './format.ts'
import { Sparkline } from './sparkline.tsx'

interface InstanceTableProps {
  readonly total: number
  readonly instances: readonly InstanceRow[]
  /** Absent: nothing can be changed. */
  readonly ask: ((verb: ControlVerb, row: InstanceRow) => void) | undefined
}

/** The instances of a service, each with its state, and why. */
export function InstanceTable({ total, instances, ask }: InstanceTableProps): JSX.Element {
  return (
    <table>
      <caption>{plural(total, 'instance')}</caption>
      <thead>
        <tr>
          <th scope="col">Instance</th>
          <th scope="col">State</th>
          <th scope="col" title="Of the attempts of the last minute, and what its weight asks for">
            Share got / wanted
          </th>
          <th scope="col">Attempts/s</th>
          <th scope="col">Failed/s</th>
          <th scope="col">In flight</th>
          <th scope="col">Latency</th>
          {ask === undefined ? null : <th scope="col">Change</th>}
        </tr>
      </thead>
      <tbody>
        {instances.map((row) => (
          <Row key={row.instance.id} row={row} ask={ask} />
        ))}
      </tbody>
    </table>
  )
}

const tones: Partial<Record<InstanceRow['state'], string>> = {
  available: 'good',
  unhealthy: 'bad',
  ejected: 'bad',
  'half-open': 'warn',
  drained: 'set',
}

function Row({ row, ask }: { readonly row: InstanceRow; readonly ask: InstanceTableProps['ask'] }): JSX.Element {
  const { instance, address, traffic, share } = row
  return (
    <tr>
      <th scope="row">
        <span class="id">{instance.id}</span>
        {instance.id === address ? null : <small>{address}</small>}
        <Labels row={row} />
      </th>
      <td data-label="State">
        <span class={`badge ${tones[row.state] ?? ''}`}>{row.state}</span>
        {row.ejection === undefined ? null : <span class="bad"> {duration(row.ejection.endsInMs)} left</span>}
        <small>
          {row.reason}, for {duration(row.forMs)}
        </small>
        {row.overrides?.map(({ kind, weight, by = 'unknown', forMs }) =>
          // The reason says that it is drained.
          kind === 'drained' ? null : (
            <small key={kind} class="set">
              {kind} {weight} by {by}, {duration(forMs)} ago
            </small>
          ),
        )}
      </td>
      <td data-label="Share got / wanted">
        {percent(share.got)} / {percent(share.wanted)}
        <meter min={0} max={1} value={share.got ?? 0} aria-label="share got" />
        <small>weight {Number(row.effectiveWeight.toPrecision(3))}</small>
      </td>
      <td data-label="Attempts/s">{rate(traffic.perSecond)}</td>
      <td data-label="Failed/s" class={traffic.failuresPerSecond > 0 ? 'bad' : ''}>
        {rate(traffic.failuresPerSecond)}
      </td>
      <td data-label="In flight">{row.inFlight}</td>
      <td data-label="Latency">
        <Sparkline values={row.latency} />
        <small>
          p50 {duration(traffic.p50Ms)}, p99 {duration(traffic.p99Ms)}
        </small>
      </td>
      {ask === undefined ? null : <Changes row={row} ask={ask} />}
    </tr>
  )
}

function Labels({ row: { instance } }: { readonly row: InstanceRow }): JSX.Element {
  const labels = Object.entries(instance.metadata).map(([key, value]) => `${key}=${value}`)
  if (instance.zone !== undefined) labels.unshift(`zone ${instance.zone}`)
  if (instance.priority > 0) labels.unshift(`priority ${instance.priority}`)
  return <small>{labels.join(' · ')}</small>
}

function Changes({
  row,
  ask,
}: {
  readonly row: InstanceRow
  readonly ask: NonNullable<InstanceTableProps['ask']>
}): JSX.Element {
  const { id } = row.instance
  const isDrained = row.overrides?.some(({ kind }) => kind === 'drained') === true
  const button = (verb: ControlVerb, name: string): JSX.Element => (
    <button type="button" aria-label={`${name} ${id}`} onClick={() => ask(verb, row)}>
      {name}
    </button>
  )
  return (
    <td data-label="Change" class="changes">
      {isDrained || row.state === 'draining' ? null : button('drain', 'Drain')}
      {row.overrides === undefined ? null : button('restore', 'Restore')}
      {row.state === 'draining' ? null : button('weight', 'Weight')}
      {row.state === 'ejected' || row.state === 'half-open' ? button('end-ejection', 'End ejection') : null}
    </td>
  )
}
