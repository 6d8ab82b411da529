import { systemClock } from '@lb/core/authoring'
import { KeptRecords } from './kept-records.ts'
import type { LookupOptions, TargetOptions } from './options.ts'
import { Resolver } from './resolver.ts'
import type { SrvLookupOptions } from './srv-lookup.ts'
import { TargetAddresses } from './target-addresses.ts'

/** What lookups of addresses need. */
export interface AddressParts {
  readonly resolver: Resolver
  readonly records: KeptRecords
  readonly addresses: TargetAddresses
}

/** Makes the parts of each lookup of a discovery. All of them share the resolver, which bounds the queries under way. */
export function addressParts({ clock = systemClock, family, checkRoutes = true }: LookupOptions): () => AddressParts {
  const resolver = new Resolver({ clock })
  return () => {
    const records = new KeptRecords(resolver, clock)
    return { resolver, records, addresses: new TargetAddresses({ records, family, checkRoutes }) }
  }
}

/** As `addressParts`, without addresses when targets are not to be resolved. */
export function lookupParts(options: LookupOptions & TargetOptions): () => SrvLookupOptions {
  const { resolveTargets = true } = options
  const parts = addressParts(options)
  return () => (resolveTargets ? parts() : { ...parts(), addresses: undefined })
}
