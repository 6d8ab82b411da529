import type { Clock, DiscoveryObserver, DiscoverySubscription, Random } from '@lb/core'
import { type WatchSession, watchInSessions } from '@lb/core/authoring'
import type { EtcdClient } from './client.ts'
import type { ServiceList } from './instances.ts'
import type { KeyRange } from './key-range.ts'
import { ListPacer } from './list-pacer.ts'
import { RangeWatch } from './range-watch.ts'
import { retryAfterMsOf } from './watch-link.ts'
import type { WatchLinks } from './watch-links.ts'
import type { WatchedKeys } from './watched-keys.ts'

export interface ServiceWatchOptions {
  readonly service: string
  readonly range: KeyRange
  readonly list: ServiceList
  readonly client: EtcdClient
  readonly links: WatchLinks
  readonly clock: Clock
  readonly random?: Random
  /** How a failure is told. */
  readonly errorOf: (cause: unknown) => unknown
}

/** The list of one service, as its keys change. */
export function watchService(options: ServiceWatchOptions, observer: DiscoveryObserver): DiscoverySubscription {
  const { service, range, list, client, links, clock, random, errorOf } = options
  let session: WatchSession | undefined
  let keys: WatchedKeys | undefined
  const pacer = new ListPacer(clock, () => {
    if (keys !== undefined) session?.next(list.of(keys.entries.values()))
  })
  const rangeWatch = new RangeWatch({
    client,
    links,
    clock,
    range,
    onKeys: (known) => {
      keys = known
      pacer.changed()
    },
  })
  const fail = (cause: unknown): unknown => {
    // Otherwise the list that waits would come after the failure, as if that were over.
    pacer.flush()
    return errorOf(cause)
  }
  const watch = watchInSessions(
    async (_service, current) => {
      session = current
      try {
        await rangeWatch.run({ signal: current.signal, error: (cause) => current.error(fail(cause)) })
      } catch (cause) {
        throw fail(cause)
      }
    },
    { clock, ...(random && { random }), retryAfterMs: (error) => retryAfterMsOf((error as Error).cause) },
  )
  const subscription = watch(service, observer)
  return {
    close: () => {
      pacer.close()
      subscription.close()
    },
  }
}
