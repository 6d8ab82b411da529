import type { Clock } from '../base/clock.ts'
import type { Looks } from '../health/outliers/looks.ts'
import type { InstanceRecord } from './record.ts'

export interface SuspectsOptions {
  readonly clock: Clock
  readonly looks: Looks
  readonly roster: { readonly records: ReadonlyMap<string, InstanceRecord> }
  /** How long answers of the service may usually take, in milliseconds. */
  readonly usualMs: () => number
}

/** How long an instance is passed over at first; it doubles each time in a row that the next request waits in vain as well. */
const firstPauseMs = 1_000
const longestPauseMs = 16_000

/** The last suspicion of an instance. */
interface Suspicion {
  readonly times: number
  readonly untilMs: number
  /** Requests since its last answer by then. */
  readonly unanswered: number
  /** The look since which a request waits that is newer than those; `undefined`: there was none. */
  nextSinceLook: number | undefined
}

/**
 * Instances for which a request waits longer than answers usually take, and that have answered nothing since it began. Nothing is proved:
 * they are only passed over while others are left, until they answer anything, or for a second, then two, four and so on. So an instance
 * that falls silent costs each client a request or two, before there is proof enough to eject it, and beyond what may be ejected.
 *
 * If they are half of all, they are picked as ever: the service as a whole is slow, and the load must not go to the few that are left.
 */
export class Suspects {
  /** Ids of those to pass over now. Empty, but in an emergency. */
  readonly ids: ReadonlySet<string>
  readonly #ids = new Set<string>()
  readonly #suspicions = new Map<InstanceRecord, Suspicion>()
  /** All suspicions. Nearly always there is none, and then no answer need be reported. */
  readonly suspicions: ReadonlyMap<InstanceRecord, Suspicion> = this.#suspicions
  readonly #options: SuspectsOptions
  /** The look at which so many were suspects that none is. What was asked before may be lost, and says nothing. */
  #stoppedAtLook = Number.NEGATIVE_INFINITY

  constructor(options: SuspectsOptions) {
    this.#options = options
    this.ids = this.#ids
    options.looks.add(() => this.#look())
  }

  /** `record` answered something. */
  answered(record: InstanceRecord): void {
    if (this.#suspicions.delete(record)) this.#ids.delete(record.instance.id)
  }

  /** For how many looks the next request after a suspicion has waited: one that waits since before says nothing new. */
  #nextLooks(before: Suspicion | undefined, unanswered: number): number {
    if (before === undefined) return Number.POSITIVE_INFINITY
    if (unanswered === before.unanswered) return 0
    const { count, passed } = this.#options.looks
    before.nextSinceLook ??= count - passed
    return count - before.nextSinceLook
  }

  #look(): boolean {
    const { clock, looks, roster, usualMs } = this.#options
    const now = clock.now()
    const enough = looks.within(usualMs())
    let candidates = 0
    for (const record of roster.records.values()) {
      if (!record.isCandidate) continue
      candidates++
      if (record.awaiting === 0) continue
      const { silentLooks, unanswered } = record.answers
      const before = this.#suspicions.get(record)
      if (Math.min(silentLooks, this.#nextLooks(before, unanswered)) < enough) continue
      if (silentLooks >= looks.count - this.#stoppedAtLook || (before !== undefined && now < before.untilMs)) continue
      const times = before === undefined ? 0 : before.times + 1
      const untilMs = now + Math.min(longestPauseMs, firstPauseMs * 2 ** times)
      this.#suspicions.set(record, { times, untilMs, unanswered, nextSinceLook: undefined })
    }
    this.#ids.clear()
    for (const [record, { untilMs }] of this.#suspicions) {
      if (roster.records.get(record.instance.id) !== record) this.#suspicions.delete(record)
      else if (record.isCandidate && now < untilMs) this.#ids.add(record.instance.id)
    }
    if (this.#ids.size === 0 || 2 * this.#ids.size < candidates) return false
    this.#stoppedAtLook = looks.count
    this.#suspicions.clear()
    this.#ids.clear()
    return false
  }
}
