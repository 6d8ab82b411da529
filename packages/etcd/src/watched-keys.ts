import type { KeyValue, RangeAnswer, WatchEvent, WatchMessage } from './messages.ts'

/** The keys of one range as they were at one revision: listed once, then changed by the events of a watch. */
export class WatchedKeys {
  readonly #entries = new Map<string, KeyValue>()
  #revision: bigint | undefined

  /** The revision up to which everything is in here. `undefined`: nothing is, and a list is needed. */
  get revision(): bigint | undefined {
    return this.#revision
  }

  get entries(): ReadonlyMap<string, KeyValue> {
    return this.#entries
  }

  /** All at once: whatever was there before is gone. */
  replace({ revision, entries }: RangeAnswer): void {
    this.#entries.clear()
    for (const entry of entries) this.#entries.set(entry.key, entry)
    this.#revision = revision
  }

  /** What is known stays, but is not built upon any more. */
  forget(): void {
    this.#revision = undefined
  }

  /** True when a value is another one than before. Events that are in here already, as a watch may repeat, change nothing. */
  apply({ events, revision }: Pick<WatchMessage, 'events' | 'revision'>): boolean {
    const from = this.#revision
    if (from === undefined) return false
    let changed = false
    let reached = from
    for (const event of events) {
      if (event.modRevision <= from) continue
      if (this.#applyOne(event)) changed = true
      if (event.modRevision > reached) reached = event.modRevision
    }
    // Only a message without events says that there is nothing else up to its revision.
    if (events.length === 0 && revision !== undefined && revision > reached) reached = revision
    this.#revision = reached
    return changed
  }

  /**
   * Whether `answer`, which has the number of keys and the one written last, shows a change that is not in here.
   */
  isBehind({ count, entries, revision }: RangeAnswer): boolean {
    if (this.#revision === undefined || revision < this.#revision) return false
    const newest = entries[0]?.modRevision ?? 0n
    return newest > this.#revision || count !== BigInt(this.#entries.size)
  }

  #applyOne({ deleted, key, value, modRevision }: WatchEvent): boolean {
    if (deleted) return this.#entries.delete(key)
    const before = this.#entries.get(key)
    this.#entries.set(key, { key, value, modRevision })
    return before?.value !== value
  }
}
