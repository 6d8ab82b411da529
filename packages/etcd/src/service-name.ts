import { DiscoveryError } from '@lb/core'
import type { Codec } from './codec.ts'
import type { EtcdConnectionOptions } from './options.ts'

/** What every key of an instance of `service` begins with. @throws DiscoveryError for a name without characters */
export function servicePath({ prefix }: EtcdConnectionOptions, codec: Codec, service: string): string {
  // The instances of the empty name would be those of every service.
  if (service === '')
    throw new DiscoveryError('a service without a name can be neither queried nor registered. Give it a name', {
      service,
    })
  return `${prefix ?? codec.prefix ?? '/microservices/'}${service}/`
}
