import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import type { ServiceDiscovery } from '../discovery/discovery.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import type { CacheEvents } from './cache-event.ts'
import type { InstancesDiff } from './diff-instances.ts'

export interface InstanceCacheOptions {
  readonly service: string
  /** What the discovery is asked for. */
  readonly nameInRegistry: string
  readonly discovery: ServiceDiscovery
  /** For a discovery that is polled. */
  readonly refreshIntervalMs: number
  /** How long a list may be served after the discovery began to fail. */
  readonly maxStaleMs: number
  /** How long an empty answer is held back; `undefined`: until another refresh confirms it. */
  readonly emptyGraceMs: number | undefined
  readonly clock: Clock
  /** For polls, if another. @default clock */
  readonly pollClock?: Clock | undefined
  readonly random: Random
  readonly events: CacheEvents
  /** The list changed. Not called for an identical list, but always for the first one, even when empty. */
  readonly onChange: (diff: InstancesDiff) => void
  /** Whether the instance is known not to work. @default () => false */
  readonly isOut?: (instance: ServiceInstance) => boolean
}
