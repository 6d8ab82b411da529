import { type Clock, DiscoveryError } from '@lb/core'
import {
  DefinedDiscovery,
  messageOf,
  type PolledList,
  type Question,
  systemClock,
  timeLimited,
} from '@lb/core/authoring'
import type { Lookup, LookupConfiguration, LookupResult } from './lookup.ts'
import { lookupConfiguration } from './lookup-configuration.ts'
import type { LookupOptions } from './options.ts'
import { domainNameOf } from './service-name.ts'

/** When a watch asks again. `intervalMs` is for answers that do not say how long they hold. */
const refreshes = Object.freeze({
  minTtlMs: 1_000,
  maxTtlMs: 30_000,
  intervalMs: 10_000,
  retryMinMs: 1_000,
  retryMaxMs: 30_000,
  jitter: 0.2,
})
/** A refresh has at least this long. */
const minLimitMs = 10_000
/** PTR, then SRV and TXT, then A and AAAA records. */
const maxSteps = 3
/** Never reached: each question has a limit of its own. */
const outerLimitMs = 2 ** 31 - 1

/**
 * What the discoveries by DNS have in common. A watch refreshes as the times to live say; after a failure it backs off from 1 s to 30 s.
 */
export class LookupDiscovery extends DefinedDiscovery {
  /** `newLookup` starts to look up a service; it may throw a DnsFailure. */
  protected constructor(
    options: LookupOptions & { readonly name: NonNullable<LookupOptions['name']> },
    newLookup: (name: string) => Lookup,
  ) {
    const { clock = systemClock, random, missingGraceMs, name } = options
    const configuration = lookupConfiguration(options, clock)
    super({
      service: (service) => {
        const asked = new AskedLookup(newLookup(domainNameOf(name, service)), { clock, configuration, missingGraceMs })
        return { ask: (question) => asked.ask(question) }
      },
      poll: { ...refreshes, timeoutMs: outerLimitMs },
      errorOf: lookupError,
      clock,
      random,
    })
  }
}

interface AskedLookupOptions {
  readonly clock: Clock
  readonly configuration: () => Promise<LookupConfiguration>
  readonly missingGraceMs: number | undefined
}

/** A lookup within the limit that its configuration gives, and what its results say of instances that they lack. */
class AskedLookup {
  readonly #lookup: Lookup
  readonly #options: AskedLookupOptions
  /** That of a caching resolver counts down. */
  #longestTtlMs: number = refreshes.minTtlMs

  constructor(lookup: Lookup, options: AskedLookupOptions) {
    this.#lookup = lookup
    this.#options = options
  }

  async ask({ signal, background }: Question): Promise<PolledList> {
    const { clock, configuration } = this.#options
    const current = await configuration()
    const { timeoutMs, tries, servers } = current
    // With every server silent, for every step.
    const limitMs = Math.max(minLimitMs, maxSteps * timeoutMs * tries * servers.length)
    const limit = { clock, limitMs, signals: [signal], background }
    const result = await timeLimited(limit, (limited) => this.#lookup.ask({ ...current, signal: limited, background }))
    return { ...result, sample: this.#sampleOf(result) }
  }

  #sampleOf({ instances, ttlMs }: LookupResult): PolledList['sample'] {
    const { missingGraceMs: graceMs } = this.#options
    if (instances.length === 0 || graceMs === 0) return undefined
    this.#longestTtlMs = Math.min(Math.max(this.#longestTtlMs, ttlMs ?? refreshes.intervalMs), refreshes.maxTtlMs)
    return { ttlMs: this.#longestTtlMs, ...(graceMs !== undefined && { graceMs }) }
  }
}

function lookupError(service: string, cause: unknown): DiscoveryError {
  return new DiscoveryError(`${service}: the lookup failed: ${messageOf(cause)}`, { service, cause })
}
