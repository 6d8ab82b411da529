import type { ServiceInstance, ServiceInstanceInit } from '../../instance/instance.ts'

/**
 * Where a `CompositeDiscovery` stores the last good list of each service, so that a process can start while no registry
 * is available. `FileSnapshotStore` of `@lb/snapshot-file` is one; two functions around any storage make another.
 */
export interface SnapshotStore {
  /**
   * The last saved list of `service`; `undefined` if there is none. Called once for a watch, if no member is available
   * at the start. Reject if it cannot be read. `signal` is aborted when the result is no longer needed.
   */
  load(service: string, options: { readonly signal: AbortSignal }): Promise<StoredSnapshot | undefined>
  /**
   * Replaces the stored list of `service` atomically: `load` must never return half a list. Never called in the path of
   * a request, and for one watch never while an earlier call is running.
   */
  save(
    service: string,
    instances: readonly ServiceInstance[],
    options: { readonly signal: AbortSignal },
  ): Promise<void> | void
}

/** A stored list and its age. */
export interface StoredSnapshot {
  /** The instances as saved. Each is checked, and unusable ones are left out. */
  readonly instances: readonly ServiceInstanceInit[]
  /** Milliseconds since the list was saved, by a clock that holds across processes. */
  readonly ageMs: number
}
