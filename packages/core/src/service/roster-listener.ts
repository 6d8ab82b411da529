import type { InstanceRecord } from './record.ts'

/** What the service does about a change of its instances. */
export interface RosterListener {
  /** Requests that ever began, by which instances without traffic are checked less often. */
  readonly traffic: number
  /** Something changed that is to be judged. */
  factsChanged(): void
  /** Something changed, by which an instance may take requests that could not before. */
  instancesChanged(): void
  /** An instance fails its checks: the list may be old. */
  becameUnhealthy(): void
  /** Requests wait in vain for an instance. */
  fellSilent(record: InstanceRecord, forMs: number): void
}
