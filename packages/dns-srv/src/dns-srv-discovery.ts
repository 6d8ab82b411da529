import { LookupDiscovery } from './lookup-discovery.ts'
import { lookupParts } from './lookup-parts.ts'
import { checkDnsSrvOptions, type DnsSrvDiscoveryOptions } from './options.ts'
import { SrvLookup } from './srv-lookup.ts'

/**
 * Instances by DNS SRV records (RFC 2782): priority and weight as the records say, asked for again when their time to live
 * is over, between 1 s and 30 s.
 *
 *     new DnsSrvDiscovery({ name: '_http._tcp.{service}.service.consul.', servers: ['127.0.0.1:8600'] })
 *
 * A name that does not exist, or has no such records, is a service without instances. A question to which no server has
 * an answer (timeout, SERVFAIL, REFUSED, nonsense) is a failure.
 */
export class DnsSrvDiscovery extends LookupDiscovery {
  /** @throws InvalidOptionError */
  constructor(options: DnsSrvDiscoveryOptions = {}) {
    checkDnsSrvOptions(options)
    const parts = lookupParts(options)
    super({ ...options, name: options.name ?? '_http._tcp.{service}' }, (name) => new SrvLookup(name, parts()))
  }

  get [Symbol.toStringTag](): string {
    return 'DnsSrvDiscovery'
  }
}
