import type { ServiceInstance, ServiceInstanceInit } from '../../instance/instance.ts'

/**
 * Where a `CompositeDiscovery` keeps the last good list of each service, so that a process can start while no registry
 * answers. `FileSnapshotStore` of `@lb/snapshot-file` is one; two functions around any storage are another.
 */
export interface SnapshotStore {
  /**
   * The last list that was saved for `service`; `undefined` when there is none. Asked once for a watch, at a start at which no
   * member answers. Reject when it cannot be read. `signal` is aborted when the answer is no longer wanted.
   */
  load(service: string, options: { readonly signal: AbortSignal }): Promise<StoredSnapshot | undefined>
  /**
   * Replaces what is kept for `service`, all of it or nothing: `load` must never give half a list. Never called in the path of
   * a request, and for one watch never while an earlier call is under way.
   */
  save(
    service: string,
    instances: readonly ServiceInstance[],
    options: { readonly signal: AbortSignal },
  ): Promise<void> | void
}

export interface StoredSnapshot {
  /** As they were saved. Checked one by one: what is unusable is left out. */
  readonly instances: readonly ServiceInstanceInit[]
  /** Milliseconds since they were saved, by whatever clock the store trusts across processes. */
  readonly ageMs: number
}
