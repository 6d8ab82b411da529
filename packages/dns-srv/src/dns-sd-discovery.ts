import { BrowseLookup } from './browse-lookup.ts'
import { LookupDiscovery } from './lookup-discovery.ts'
import { lookupParts } from './lookup-parts.ts'
import { checkDnsSdOptions, type DnsSdDiscoveryOptions } from './options.ts'

/**
 * Instances by DNS-Based Service Discovery (RFC 6763), asked of DNS servers, not by multicast: the PTR records of a name such as
 * `_http._tcp.example.org` name the instances; SRV records say where each is, and TXT records are its metadata.
 *
 *     new DnsSdDiscovery({ name: '_{service}._tcp.example.org.', txtKeys: { zone: 'zone', weight: 'weight' } })
 *
 * The metadata has the attributes of the TXT record, and `instance`, the name of the instance, such as `Web One`. Times to live,
 * failures and weights are as for `DnsSrvDiscovery`.
 */
export class DnsSdDiscovery extends LookupDiscovery {
  /** @throws InvalidOptionError */
  constructor(options: DnsSdDiscoveryOptions = {}) {
    checkDnsSdOptions(options)
    const { txtKeys = {} } = options
    const parts = lookupParts(options)
    super(
      { ...options, name: options.name ?? '_{service}._tcp' },
      (name) => new BrowseLookup(name, { ...parts(), txtKeys }),
    )
  }

  get [Symbol.toStringTag](): string {
    return 'DnsSdDiscovery'
  }
}
