import type { CancelTimer, Clock } from '../../base/clock.ts'
import { jittered, type Random } from '../../base/random.ts'
import { timeLimited } from '../../base/time-limit.ts'
import type { ServiceInstance } from '../../instance/instance.ts'
import type { SnapshotStore } from './store.ts'

export interface SnapshotWriterOptions {
  readonly service: string
  readonly store: SnapshotStore
  readonly clock: Clock
  readonly random: Random
  readonly onFailure: (error: unknown) => void
}

/** A burst of changes is saved once, when it has lasted that long. */
const gatherMs = 1_000
/** So often the same list is saved again while it is live, since its age is that of the last save. */
const renewMs = 600_000
const retryMs = 60_000
const saveLimitMs = 10_000

/** Saves the lists of one service: soon after a change, never two at a time, and now and then to say that they still hold. */
export class SnapshotWriter {
  readonly #options: SnapshotWriterOptions
  #latest: readonly ServiceInstance[] | undefined
  #live = false
  #saved: readonly ServiceInstance[] | undefined
  #savedAtMs = 0
  /** Whether it went well. */
  #saving: Promise<boolean> | undefined
  #timer: { readonly kind: 'change' | 'renewal' | 'retry'; readonly cancel: CancelTimer } | undefined
  #closed = false

  constructor(options: SnapshotWriterOptions) {
    this.#options = options
  }

  /** What the discovery says now; not empty. */
  update(instances: readonly ServiceInstance[]): void {
    this.#latest = instances
    this.#live = true
    if (this.#closed || this.#saving !== undefined) return
    if (this.#timer === undefined || this.#timer.kind === 'renewal') this.#schedule('change', gatherMs)
  }

  /** The discovery fails, or has nothing to keep: what was saved gets older from now on. */
  pause(): void {
    this.#live = false
  }

  /** Saves what is not saved yet, and ends. */
  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    this.#timer = undefined
    // A store that has just failed would most likely fail again, and a caller waits.
    if ((await this.#saving) !== false && this.#changed) await this.#save()
  }

  get #changed(): boolean {
    return this.#latest !== undefined && !(this.#saved !== undefined && sameInstances(this.#saved, this.#latest))
  }

  #schedule(kind: 'change' | 'renewal' | 'retry', delayMs: number): void {
    const { clock, random } = this.#options
    this.#timer?.cancel()
    const cancel = clock.setTimeout(() => this.#due(), jittered(delayMs, 0.2, random), { background: true })
    this.#timer = { kind, cancel }
  }

  #due(): void {
    this.#timer = undefined
    const leftMs = this.#savedAtMs + renewMs - this.#options.clock.now()
    // Timers are early by their jitter.
    const renews = this.#live && leftMs <= renewMs * 0.2
    if (this.#changed || renews) void this.#save()
    else if (this.#live) this.#schedule('renewal', leftMs)
  }

  #save(): Promise<boolean> {
    this.#saving = this.#store(this.#latest ?? []).finally(() => {
      this.#saving = undefined
    })
    return this.#saving
  }

  async #store(instances: readonly ServiceInstance[]): Promise<boolean> {
    const { service, store, clock, onFailure } = this.#options
    try {
      const limit = { clock, limitMs: saveLimitMs, background: true }
      await timeLimited(limit, (signal) => store.save(service, instances, { signal }))
      this.#saved = instances
      this.#savedAtMs = clock.now()
      if (this.#closed) return true
      if (this.#changed) this.#schedule('change', gatherMs)
      else this.#schedule('renewal', renewMs)
      return true
    } catch (error) {
      if (!this.#closed) this.#schedule('retry', retryMs)
      onFailure(error)
      return false
    }
  }
}

function sameInstances(left: readonly ServiceInstance[], right: readonly ServiceInstance[]): boolean {
  if (left === right) return true
  if (left.length !== right.length) return false
  const byId = new Map(left.map((instance) => [instance.id, instance]))
  return right.every((instance) => {
    const before = byId.get(instance.id)
    return before === instance || (before !== undefined && JSON.stringify(before) === JSON.stringify(instance))
  })
}
