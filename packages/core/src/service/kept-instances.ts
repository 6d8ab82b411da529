import type { CancelTimer, Clock } from '../base/clock.ts'
import type { InstanceRecord } from './record.ts'

/** Instances that are gone from the registry but pass their checks, each used for a bounded time more. */
export class KeptInstances {
  readonly #clock: Clock
  readonly #onEnd: (record: InstanceRecord) => void
  readonly #kept = new Map<InstanceRecord, CancelTimer>()

  constructor(clock: Clock, onEnd: (record: InstanceRecord) => void) {
    this.#clock = clock
    this.#onEnd = onEnd
  }

  get records(): Iterable<InstanceRecord> {
    return this.#kept.keys()
  }

  keep(record: InstanceRecord, forMs: number): void {
    this.release(record)
    record.keptUntilMs = this.#clock.now() + forMs
    const end = (): void => {
      this.release(record)
      this.#onEnd(record)
    }
    this.#kept.set(record, this.#clock.setTimeout(end, forMs, { background: true }))
  }

  /** It is listed again, or failing; says whether it was kept. */
  release(record: InstanceRecord): boolean {
    this.#kept.get(record)?.()
    record.keptUntilMs = undefined
    return this.#kept.delete(record)
  }

  close(): void {
    for (const cancel of this.#kept.values()) cancel()
    this.#kept.clear()
  }
}
