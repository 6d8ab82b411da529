import { systemClock } from '@lb/core/authoring'
import { parseNameServer } from '../src/name-server.ts'
import { Resolver } from '../src/resolver.ts'
import { ServiceLookup, type ServiceLookupResult } from '../src/service-lookup.ts'
import { TargetAddresses } from '../src/target-addresses.ts'

/** Looks a service up once, with nothing known before: the list, and how long it holds. */
export function lookUpService(server: string, name: string): Promise<ServiceLookupResult> {
  const resolver = new Resolver({ clock: systemClock, timeoutMs: 1_000, tries: 2 })
  const addresses = new TargetAddresses({ resolver, clock: systemClock, family: undefined })
  const servers = [parseNameServer(server)].filter((parsed) => parsed !== undefined)
  const configuration = (): Promise<{ servers: typeof servers; search: []; ndots: number }> =>
    Promise.resolve({ servers, search: [], ndots: 1 })
  const { signal } = new AbortController()
  return new ServiceLookup(name, { resolver, addresses, configuration }).ask({ signal, background: false })
}
