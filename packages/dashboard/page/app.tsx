import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import type { ServicesResponse } from '../src/api.ts'
import { usePolled } from './api-client.ts'
import { CallView } from './call-view.tsx'
import { CallsView } from './calls-view.tsx'
import { EventsView } from './events-view.tsx'
import { type Place, toCalls, toEvents, toServices, usePlace } from './location.ts'
import { ServiceView } from './service-view.tsx'
import { ServicesView } from './services-view.tsx'

const links = [
  { to: toServices, name: 'Services', views: ['services', 'service'] },
  { to: toEvents, name: 'Events', views: ['events'] },
  { to: toCalls, name: 'Failed calls', views: ['calls', 'call'] },
]

export function App(): JSX.Element {
  const place = usePlace()
  // The title, and whether changes are possible: rarely other than before.
  const { data } = usePolled<ServicesResponse>('services?limit=1', 30_000)
  const title = data?.title ?? 'lb'
  useEffect(() => {
    document.title = title
  }, [title])
  return (
    <>
      <button type="button" class="skip" onClick={skip}>
        Skip to content
      </button>
      <header>
        <h1>{title}</h1>
        <nav aria-label="Views">
          {links.map(({ to, name, views }) => (
            <a key={to} href={to} aria-current={views.includes(place.view) ? 'page' : undefined}>
              {name}
            </a>
          ))}
        </nav>
        <span class="mode">{data === undefined ? '' : data.control ? 'control' : 'read only'}</span>
      </header>
      <main id="content" tabIndex={-1}>
        <View place={place} />
      </main>
    </>
  )
}

/** Not a link: the fragment says which view is shown. */
function skip(): void {
  document.getElementById('content')?.focus()
}

function View({ place }: { readonly place: Place }): JSX.Element {
  switch (place.view) {
    case 'services':
      return <ServicesView />
    case 'service':
      return <ServiceView key={place.service} service={place.service} />
    case 'events':
      return <EventsView key={place.service} service={place.service} />
    case 'calls':
      return <CallsView />
    case 'call':
      return <CallView key={place.call} call={place.call} />
  }
}
