import { FakeClock } from '@lb/testing'
import type { InstancesDiff } from '../src/cache/diff-instances.ts'
import { InstanceCache } from '../src/cache/instance-cache.ts'
import type { InstanceCacheOptions } from '../src/cache/instance-cache-options.ts'
import type { ServiceDiscovery } from '../src/discovery/discovery.ts'
import { EventChannel } from '../src/observe/event-channel.ts'
import type { LoadBalancerEvent } from '../src/observe/events.ts'

/** A cache of the service `users` on a virtual clock without jitter, with everything it told. */
export interface ObservedCache {
  readonly cache: InstanceCache
  readonly clock: FakeClock
  readonly channel: EventChannel
  readonly changes: InstancesDiff[]
  readonly events: LoadBalancerEvent[]
  /** The ids of the list as it is now. */
  readonly ids: () => string[]
  /** The types of the events so far. */
  readonly types: () => string[]
}

export function observedCache(
  discovery: ServiceDiscovery,
  options: Partial<Omit<InstanceCacheOptions, 'events'>> & {
    readonly clock?: FakeClock
    readonly events?: EventChannel
  } = {},
  { start = true }: { readonly start?: boolean } = {},
): ObservedCache {
  const { clock = new FakeClock(), events: channel = new EventChannel() } = options
  const changes: InstancesDiff[] = []
  const events: LoadBalancerEvent[] = []
  channel.subscribe((event) => events.push(event))
  const cache = new InstanceCache({
    service: 'users',
    nameInRegistry: 'users',
    discovery,
    refreshIntervalMs: 10_000,
    maxStaleMs: Number.POSITIVE_INFINITY,
    emptyGraceMs: undefined,
    random: () => 0,
    onChange: (diff) => changes.push(diff),
    ...options,
    clock,
    events: channel,
  })
  if (start) cache.start()
  return {
    cache,
    clock,
    channel,
    changes,
    events,
    ids: () => cache.instances.map(({ id }) => id),
    types: () => events.map(({ type }) => type),
  }
}
