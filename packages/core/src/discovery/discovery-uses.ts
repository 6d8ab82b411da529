import type { Clock } from '../base/clock.ts'
import { DiscoveryError } from '../base/errors.ts'
import { timeLimited } from '../base/time-limit.ts'
import type { ServiceDiscovery } from './discovery.ts'

/** Milliseconds that the `close()` of a discovery may take. */
const closeLimitMs = 10_000

/** How many use each discovery. Shared by all copies of this package in the process, such as its ESM and its CommonJS build. */
const uses: WeakMap<ServiceDiscovery, number> = sharedUses()

/** The discoveries that one load balancer or composite uses. It closes those that nothing else uses any more. */
export class DiscoveryUses {
  readonly #discoveries: ReadonlySet<ServiceDiscovery>

  constructor(discoveries: Iterable<ServiceDiscovery>) {
    this.#discoveries = new Set(discoveries)
    for (const discovery of this.#discoveries) uses.set(discovery, (uses.get(discovery) ?? 0) + 1)
  }

  /**
   * Ends the use; to be called once. `closes: false` leaves them open in any case.
   *
   * @throws DiscoveryError when one could not be closed within 10 s; the others are, nonetheless
   */
  async end(clock: Clock, { closes = true }: { readonly closes?: boolean } = {}): Promise<void> {
    const unused = Array.from(this.#discoveries).filter((discovery) => {
      const left = (uses.get(discovery) ?? 1) - 1
      uses.set(discovery, left)
      return left === 0
    })
    if (!closes) return
    const late = (): Error => new DiscoveryError(`close() did not end within ${closeLimitMs} ms`)
    const closed = await Promise.allSettled(
      unused.map(async (discovery) => {
        if (discovery.close === undefined) return
        await timeLimited({ clock, limitMs: closeLimitMs, late }, () => discovery.close?.())
      }),
    )
    const failed = closed.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw new DiscoveryError('a discovery could not be closed', { cause: failed.reason })
  }
}

function sharedUses(): WeakMap<ServiceDiscovery, number> {
  const key = Symbol.for('@lb/core.discovery-uses')
  const shared = globalThis as { [key]?: WeakMap<ServiceDiscovery, number> }
  shared[key] ??= new WeakMap()
  return shared[key]
}
