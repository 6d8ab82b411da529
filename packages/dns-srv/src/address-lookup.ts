import { readInstances } from '@lb/core/authoring'
import { DnsFailure } from './errors.ts'
import { maxInstances } from './instances.ts'
import type { KeptRecords } from './kept-records.ts'
import type { Lookup, LookupQuestion, LookupResult } from './lookup.ts'
import { NameSearch } from './name-search.ts'
import type { TargetAddresses } from './target-addresses.ts'

/** What a lookup of addresses needs. */
export interface AddressLookupOptions {
  readonly records: KeptRecords
  readonly addresses: TargetAddresses
  readonly port: number
  readonly secure: boolean
}

interface FoundHosts {
  readonly found: true
  readonly hosts: readonly string[]
  readonly ttlMs: number
}

/** The instances of a service by the addresses of its name. */
export class AddressLookup implements Lookup {
  readonly #search: NameSearch
  readonly #options: AddressLookupOptions

  /** @throws DnsFailure when `name` is none that can be asked for */
  constructor(name: string, options: AddressLookupOptions) {
    this.#search = new NameSearch(name)
    this.#options = options
  }

  async ask(question: LookupQuestion): Promise<LookupResult> {
    const { records, addresses, port, secure } = this.#options
    records.startRefresh()
    const result = await this.#search.find<FoundHosts>(question, async (name) => {
      const { addresses: resolved, ttlMs, failure } = await addresses.resolve([name], [], question)
      if (failure !== undefined) throw failure
      const hosts = resolved.get(name) ?? []
      if (hosts.length > maxInstances) throw new DnsFailure('LIMIT', `more than ${maxInstances} addresses`)
      return hosts.length > 0 ? { found: true, hosts, ttlMs } : { found: false, ttlMs }
    })
    const list = readInstances(
      result.found ? result.hosts : [],
      (host) => ({ host, port, secure }),
      (host) => `the address ${host}`,
    )
    return { ...list, ...(result.ttlMs !== undefined && { ttlMs: result.ttlMs }) }
  }
}
