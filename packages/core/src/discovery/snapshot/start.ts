import type { Clock } from '../../base/clock.ts'
import { DiscoveryError } from '../../base/errors.ts'
import { timeLimited } from '../../base/time-limit.ts'
import { ageText, reasonOf } from '../composite/failure.ts'
import { isEmpty, parseMemberList } from '../composite/list.ts'
import type { InstanceList } from '../instance-list.ts'
import type { SnapshotStore, StoredSnapshot } from './store.ts'

export interface SnapshotStartOptions {
  readonly service: string
  readonly store: SnapshotStore
  readonly maxAgeMs: number
  readonly clock: Clock
  readonly onLoaded: (list: InstanceList, ageMs: number) => void
  readonly onFailure: (error: unknown) => void
}

const loadLimitMs = 5_000

/** Loads what was saved of a service, once, unless a live list comes first. What it loads is checked like any answer. */
export class SnapshotStart {
  readonly #options: SnapshotStartOptions
  readonly #controller = new AbortController()
  #begun = false

  constructor(options: SnapshotStartOptions) {
    this.#options = options
  }

  begin(): void {
    if (this.#begun || this.#controller.signal.aborted) return
    this.#begun = true
    void this.#load()
  }

  /** The snapshot is no longer wanted, or never will be. */
  close(): void {
    this.#controller.abort()
  }

  async #load(): Promise<void> {
    const { service, store, clock, onLoaded, onFailure } = this.#options
    const { signal: closed } = this.#controller
    const limit = { clock, limitMs: loadLimitMs, background: true, signals: [closed] }
    try {
      const snapshot = await timeLimited(limit, (signal) => store.load(service, { signal }))
      if (closed.aborted || snapshot === undefined || snapshot === null) return
      const ageMs = this.#ageOf(snapshot)
      const list = parseMemberList(service, snapshot.instances)
      if (!isEmpty(list)) onLoaded(list, ageMs)
    } catch (cause) {
      if (closed.aborted) return
      const message = `${service}: the snapshot cannot be used: ${reasonOf(service, cause)}`
      onFailure(new DiscoveryError(message, { service, cause }))
    }
  }

  #ageOf({ ageMs }: StoredSnapshot): number {
    const { service, maxAgeMs } = this.#options
    if (typeof ageMs !== 'number' || Number.isNaN(ageMs)) {
      throw new DiscoveryError(`${service}: its age is not known`, { service })
    }
    // Clocks of processes differ: one from the future is new.
    const age = Math.max(0, ageMs)
    if (age > maxAgeMs) {
      throw new DiscoveryError(`${service}: it is ${ageText(age)} old, the limit is ${ageText(maxAgeMs)}`, { service })
    }
    return age
  }
}
