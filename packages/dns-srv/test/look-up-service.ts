import { systemClock } from '@lb/core/authoring'
import type { LookupResult } from '../src/lookup.ts'
import { lookupConfiguration } from '../src/lookup-configuration.ts'
import { lookupParts } from '../src/lookup-parts.ts'
import { SrvLookup } from '../src/srv-lookup.ts'

/** Looks a service up once, with nothing known before: the list, and how long it holds. */
export async function lookUpService(server: string, name: string): Promise<LookupResult> {
  const configuration = lookupConfiguration({ servers: [server], timeoutMs: 20_000 }, systemClock)
  const { signal } = new AbortController()
  return new SrvLookup(name, lookupParts({ checkRoutes: false })()).ask({
    ...(await configuration()),
    signal,
    background: false,
  })
}
