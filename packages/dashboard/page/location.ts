import { useEffect, useState } from 'preact/hooks'

/** Which view is shown: it stands in the fragment of the address, so that it works under every mount. */
export type Place =
  | { readonly view: 'services' }
  | { readonly view: 'service'; readonly service: string }
  | { readonly view: 'events'; readonly service: string | undefined }
  | { readonly view: 'calls' }
  | { readonly view: 'call'; readonly call: string }

function placeOf(hash: string): Place {
  const [view = '', name] = hash.replace(/^#\/?/, '').split('/').map(decoded)
  if (view === 'services' && name) return { view: 'service', service: name }
  if (view === 'events') return { view: 'events', service: name }
  if (view === 'calls') return name ? { view: 'call', call: name } : { view: 'calls' }
  return { view: 'services' }
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

export const toServices = '#/'
export const toEvents = '#/events'
export const toCalls = '#/calls'
export const toService = (service: string): string => `#/services/${encodeURIComponent(service)}`
export const toEventsOf = (service: string): string => `#/events/${encodeURIComponent(service)}`
export const toCall = (call: number): string => `#/calls/${call}`

export function usePlace(): Place {
  const [hash, setHash] = useState(location.hash)
  useEffect(() => {
    const follow = (): void => setHash(location.hash)
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])
  return placeOf(hash)
}
