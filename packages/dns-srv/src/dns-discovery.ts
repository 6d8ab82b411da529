import { AddressLookup } from './address-lookup.ts'
import { LookupDiscovery } from './lookup-discovery.ts'
import { addressParts } from './lookup-parts.ts'
import { checkDnsOptions, type DnsDiscoveryOptions } from './options.ts'

/**
 * Instances by DNS A and AAAA records: each address of a name is an instance, at the given port.
 *
 *     new DnsDiscovery({ name: '{service}.example.org.', port: 8080 })
 *
 * The addresses are asked for again when their time to live is over, between 1 s and 30 s. A name that does not exist, or has no
 * address, is a service without instances. A question to which no server has an answer is a failure.
 */
export class DnsDiscovery extends LookupDiscovery {
  /** @throws InvalidOptionError */
  constructor(options: DnsDiscoveryOptions) {
    checkDnsOptions(options)
    const { port, secure = false } = options
    const parts = addressParts(options)
    super(
      { ...options, name: options.name ?? '{service}' },
      (name) => new AddressLookup(name, { ...parts(), port, secure }),
    )
  }

  get [Symbol.toStringTag](): string {
    return 'DnsDiscovery'
  }
}
