import { DiscoveryError } from '../../base/errors.ts'
import type { DiscoveryObserver } from '../discovery.ts'
import type { InstanceList } from '../instance-list.ts'
import { SnapshotStart } from '../snapshot/start.ts'
import type { SnapshotStore } from '../snapshot/store.ts'
import { SnapshotWriter } from '../snapshot/writer.ts'
import { ageText, reasonOf } from './failure.ts'
import { isEmpty } from './list.ts'
import type { CompositeContext } from './member.ts'

export interface SnapshotSettings {
  readonly store: SnapshotStore
  readonly maxAgeMs: number
}

/** The notifications of one watch of a composite; which of them are saved, and which come from a snapshot. */
export class CompositeOutput {
  readonly #context: CompositeContext
  readonly #observer: DiscoveryObserver
  readonly #writer: SnapshotWriter | undefined
  readonly #start: SnapshotStart | undefined
  #error: DiscoveryError | undefined
  #snapshotText = ''
  #closed = false

  constructor(context: CompositeContext, observer: DiscoveryObserver, snapshots: SnapshotSettings | undefined) {
    this.#context = context
    this.#observer = observer
    if (snapshots === undefined) return
    const { service, emit } = context
    const { store, maxAgeMs } = snapshots
    const onFailure = (error: unknown): void => emit({ type: 'snapshot-failed', service, error })
    this.#writer = new SnapshotWriter({ ...context, store, onFailure })
    const onLoaded = (list: InstanceList, ageMs: number): void => this.#useSnapshot(list, ageMs)
    this.#start = new SnapshotStart({ ...context, store, maxAgeMs, onLoaded, onFailure })
  }

  /** What the members say now. */
  live(list: InstanceList): void {
    if (this.#closed) return
    this.#start?.close()
    this.#snapshotText = ''
    if (isEmpty(list)) this.#writer?.pause()
    else this.#writer?.update(list.instances)
    this.#next(list)
  }

  /** The last list is not confirmed any more. */
  stale(error: unknown): void {
    if (this.#closed) return
    this.#writer?.pause()
    this.#observer.error(error)
  }

  /** No member has said anything that could be used: time for the snapshot. */
  nothing(error: DiscoveryError): void {
    if (this.#closed) return
    this.#writer?.pause()
    this.#error = error
    this.#emitNothing(error)
    this.#start?.begin()
  }

  /** Resolves when what is not saved yet is. */
  async close(): Promise<void> {
    this.#closed = true
    this.#start?.close()
    await this.#writer?.close()
  }

  #useSnapshot(list: InstanceList, ageMs: number): void {
    const { service, emit } = this.#context
    emit({ type: 'snapshot-in-use', service, ageMs, instances: list.instances.length })
    if (this.#closed) return
    this.#snapshotText = `the list saved ${ageText(ageMs)} ago is in use. `
    this.#next(list)
    // A list of yesterday is stale from the first moment, and `inspect` must show why.
    if (!this.#closed && this.#error !== undefined) this.#emitNothing(this.#error)
  }

  #emitNothing(error: DiscoveryError): void {
    const { service } = this.#context
    if (this.#snapshotText === '') this.#observer.error(error)
    else {
      const message = `${service}: ${this.#snapshotText}${reasonOf(service, error)}`
      this.#observer.error(new DiscoveryError(message, { service, cause: error }))
    }
  }

  #next({ instances, rejected, sample }: InstanceList): void {
    try {
      this.#observer.next(instances, rejected, sample)
    } catch (cause) {
      // The observer's mistake is not a failure of a member.
      if (!this.#closed) this.#observer.error(cause)
    }
  }
}
