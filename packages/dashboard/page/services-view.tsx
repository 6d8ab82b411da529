import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { ServiceSummary, ServicesResponse } from '../src/api.ts'
import { usePolled } from './api-client.ts'
import { duration, plural, rate } from './format.ts'
import { toService } from './location.ts'
import { Notice } from './notice.tsx'
import { Pager } from './pager.tsx'

const limit = 100

/** Every service at a glance. */
export function ServicesView(): JSX.Element {
  const [offset, setOffset] = useState(0)
  const polled = usePolled<ServicesResponse>(`services?offset=${offset}&limit=${limit}`)
  const { data } = polled
  return (
    <>
      <Notice polled={polled} />
      {data === undefined ? null : data.total === 0 ? (
        <p class="notice">No service is known yet: it appears with its first call.</p>
      ) : (
        <>
          <table>
            <caption>{plural(data.total, 'service')}</caption>
            <thead>
              <tr>
                <th scope="col">Service</th>
                <th scope="col" title="Instances that may be picked, of those that are known">
                  Candidates
                </th>
                <th scope="col">Calls/s</th>
                <th scope="col">Failed/s</th>
                <th scope="col">p50</th>
                <th scope="col">p99</th>
                <th scope="col">In flight</th>
                <th scope="col">List age</th>
                <th scope="col" title="Retries that the budget allows now">
                  Budget
                </th>
                <th scope="col">Attention</th>
              </tr>
            </thead>
            <tbody>
              {data.services.map((service) => (
                <ServiceRow key={service.service} service={service} />
              ))}
            </tbody>
          </table>
          <Pager page={data} onOffset={setOffset} />
        </>
      )}
    </>
  )
}

function ServiceRow({ service }: { readonly service: ServiceSummary }): JSX.Element {
  const { traffic, candidates, known } = service
  return (
    <tr>
      <th scope="row">
        <a href={toService(service.service)}>{service.service}</a>
      </th>
      <td data-label="Candidates" class={candidates === 0 && known > 0 ? 'bad' : candidates < known ? 'warn' : ''}>
        {candidates} / {known}
      </td>
      <td data-label="Calls/s">{rate(traffic.perSecond)}</td>
      <td data-label="Failed/s" class={traffic.failuresPerSecond > 0 ? 'bad' : ''}>
        {rate(traffic.failuresPerSecond)}
      </td>
      <td data-label="p50">{duration(traffic.p50Ms)}</td>
      <td data-label="p99">{duration(traffic.p99Ms)}</td>
      <td data-label="In flight">{service.inFlight}</td>
      <td data-label="List age">{service.status === 'unused' ? '–' : duration(service.listAgeMs)}</td>
      <td data-label="Budget" class={service.retryBudget !== undefined && service.retryBudget < 1 ? 'warn' : ''}>
        {service.retryBudget === undefined ? '–' : Math.floor(service.retryBudget)}
      </td>
      <td data-label="Attention">
        <Attention service={service} />
      </td>
    </tr>
  )
}

/** What an operator is to look at. */
export function Attention({ service }: { readonly service: ServiceSummary }): JSX.Element {
  const { status, panic, discoveryError, queued, overrides, states } = service
  return (
    <>
      {panic === undefined ? null : <span class="badge bad">{panic}</span>}
      {status === 'fresh' ? null : (
        <span class={`badge ${status === 'unused' || status === 'waiting' ? '' : 'warn'}`} title={discoveryError}>
          {status}
        </span>
      )}
      {states.ejected === undefined ? null : <span class="badge warn">{states.ejected} ejected</span>}
      {states.unhealthy === undefined ? null : <span class="badge warn">{states.unhealthy} unhealthy</span>}
      {queued === 0 ? null : <span class="badge warn">{queued} queued</span>}
      {overrides.length === 0 ? null : <span class="badge set">{plural(overrides.length, 'override')}</span>}
    </>
  )
}
