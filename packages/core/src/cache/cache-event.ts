import type { DiscoveryError, InvalidInstanceError } from '../base/errors.ts'
import type { ServiceInstance } from '../instance/instance.ts'

/** What happens to the list of one service. */
export type CacheEvent =
  /**
   * The list of a service changed. `total` counts the instances now known. One whose id stays but whose address changes
   * is a new instance: it is in `added`, and as it was in `removed`.
   */
  | {
      readonly type: 'instances-changed'
      readonly service: string
      readonly added: readonly ServiceInstance[]
      readonly removed: readonly ServiceInstance[]
      readonly updated: readonly ServiceInstance[]
      readonly total: number
    }
  /** One instance in an answer was unusable and was left out; `error.field` says why. */
  | { readonly type: 'instance-rejected'; readonly service: string; readonly error: InvalidInstanceError }
  /** The discovery failed. `stale` says whether a last good list is being served meanwhile. */
  | {
      readonly type: 'discovery-failed'
      readonly service: string
      readonly error: DiscoveryError
      readonly stale: boolean
    }
  /** The discovery answered again after failures. */
  | { readonly type: 'discovery-recovered'; readonly service: string; readonly staleForMs: number }
  /** An empty answer is held back until it is confirmed; the last good list is served meanwhile. */
  | { readonly type: 'empty-list-held'; readonly service: string }
  /** The last good list was dropped: it had been stale for `maxStaleMs`. */
  | { readonly type: 'list-expired'; readonly service: string; readonly staleForMs: number }

/** Where the cache emits its events. */
export interface CacheEvents {
  /** Whether anything listens. */
  readonly active: boolean
  emit(event: CacheEvent): void
  /** Runs `step`, which changes the state: what it emits comes when it is done. */
  together<T>(step: () => T): T
}
