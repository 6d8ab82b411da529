import { type CancelTimer, type Clock, systemClock } from '../base/clock.ts'
import { checkClock, checkInteger, checkKeys } from '../base/option-checks.ts'
import { type CriticalityRank, criticalities, defaultRank, rankOf } from './criticality.ts'

const lowestRank = rankOf('sheddable')

/** A caller that waits for capacity. Exactly one of its functions `admit`, `expire` and `shed` is called, once, unless it leaves before. */
export interface WaitEntry {
  /** Reading of the clock from which it does not want to wait any longer. `Infinity`: it waits for ever. */
  readonly deadlineMs: number
  /** Its class: of those that may enter, the most critical does. Absent: `default`. */
  readonly rank?: CriticalityRank
  /** Whether capacity is of use to it now: else those behind it go first. Absent: always. Must not throw. */
  readonly mayEnter?: () => boolean
  /** Whether capacity would be of no use to it any more. Absent: never before its deadline. Must not throw. */
  readonly isTooLate?: () => boolean
  /** There is capacity now, and it is this caller's. Must not throw. */
  admit(): void
  /** The deadline passed. Must not throw. */
  expire(): void
  /** The queue is full, and its place goes to a more critical caller. Absent: as `expire`. Must not throw. */
  shed?(): void
}

export interface WaitTicket {
  /** The caller went away: neither of its functions is called any more. Does nothing once it is out of the queue. O(1). */
  leave(): void
}

export interface WaitQueueOptions {
  /** Callers that may wait at a time. Integer in [0, 1 000 000]; with 0, none waits. */
  readonly maxSize: number
  /**
   * Once callers have been waiting without a break for this long, in milliseconds, those that came last are admitted first. Default: never.
   */
  readonly newestFirstAfterMs?: number
  readonly clock?: Clock
}

/**
 * Callers that wait for capacity, each until its deadline: by class, and within a class first come, first served. If it is full, a caller
 * takes the place of the one that came last in the lowest class below its own.
 *
 * Classes are strict: as long as the more critical callers take all capacity, the others wait until they expire.
 *
 * Everything is O(1), and a caller that left takes no memory: each class is a linked list. A timer per caller, which keeps the
 * process alive, because the caller waits for it.
 */
export class WaitQueue {
  readonly #maxSize: number
  readonly #newestFirstAfterMs: number
  readonly #clock: Clock
  /** Of each class, before its first and after its last, so that no entry needs a special case. */
  readonly #classes = criticalities.map(() => new Waiting())
  #size = 0
  /** Since when callers have been waiting without a break. */
  #busySinceMs = 0
  #closed = false

  /** @throws InvalidOptionError */
  constructor(options: WaitQueueOptions) {
    checkKeys('WaitQueue', options, ['maxSize', 'newestFirstAfterMs', 'clock'])
    const { maxSize, newestFirstAfterMs = Number.POSITIVE_INFINITY, clock = systemClock } = options
    checkInteger('WaitQueue.maxSize', maxSize ?? Number.NaN, 0, 1_000_000)
    checkClock('WaitQueue.clock', clock)
    this.#maxSize = maxSize
    this.#newestFirstAfterMs = newestFirstAfterMs
    this.#clock = clock
  }

  /** Whether callers of this class or above wait. */
  waits(rank: CriticalityRank): boolean {
    return this.#size > 0 && this.#classes.some((ends, each) => each <= rank && ends.next !== ends)
  }

  /** Callers that are waiting. */
  get size(): number {
    return this.#size
  }

  /**
   * Puts a caller at the end of its class. `undefined`: the queue is closed, or full of callers of its class and above. One whose deadline
   * passed expires soon, not at once.
   */
  enqueue(entry: WaitEntry): WaitTicket | undefined {
    const { rank = defaultRank } = entry
    const ends = this.#classes[rank]
    if (this.#closed || ends === undefined) return undefined
    if (this.#size >= this.#maxSize && !this.#makePlace(rank)) return undefined
    if (this.#size === 0) this.#busySinceMs = this.#clock.now()
    const waiting = new Waiting(entry)
    waiting.insertBefore(ends)
    this.#size++
    this.#arm(waiting, entry)
    return { leave: () => void this.#take(waiting) }
  }

  /**
   * Admits the caller that has waited longest in the highest class down to `lowest`, of those that may enter. `false`: none is waiting.
   * A caller whose deadline passed is not admitted, even when its timer is late.
   */
  admitNext(lowest: CriticalityRank = lowestRank): boolean {
    if (this.#size === 0) return false
    const nowMs = this.#clock.now()
    const newestFirst = this.#newestFirst
    return this.#classes.some((ends, rank) => rank <= lowest && this.#admitFrom(ends, nowMs, newestFirst))
  }

  get #newestFirst(): boolean {
    return this.#clock.now() - this.#busySinceMs >= this.#newestFirstAfterMs
  }

  #admitFrom(ends: Waiting, nowMs: number, newestFirst: boolean): boolean {
    const step = newestFirst ? 'previous' : 'next'
    let waiting = ends[step]
    while (waiting.entry !== undefined) {
      const { entry, [step]: following } = waiting
      if (nowMs >= entry.deadlineMs || entry.isTooLate?.() === true) {
        this.#take(waiting)
        entry.expire()
        // Others may have left meanwhile.
        waiting = ends[step]
      } else if (entry.mayEnter === undefined || entry.mayEnter()) {
        this.#take(waiting)
        entry.admit()
        return true
      } else waiting = following
    }
    return false
  }

  /** Ends the queue. Gives those that were waiting, by class and oldest first: none of their functions was or will be called. */
  close(): WaitEntry[] {
    this.#closed = true
    const entries: WaitEntry[] = []
    for (const ends of this.#classes) {
      while (ends.next !== ends) entries.push(this.#take(ends.next) as WaitEntry)
    }
    return entries
  }

  /** Whether a caller of a class below `rank` gave up its place. */
  #makePlace(rank: CriticalityRank): boolean {
    const newestFirst = this.#newestFirst
    const lowest = this.#classes.findLast((ends, each) => each + (newestFirst ? 1 : 0) > rank && ends.next !== ends)
    const shed = lowest && this.#take(newestFirst ? lowest.next : lowest.previous)
    if (shed === undefined) return false
    if (shed.shed === undefined) shed.expire()
    else shed.shed()
    return true
  }

  #arm(waiting: Waiting, entry: WaitEntry): void {
    if (entry.deadlineMs === Number.POSITIVE_INFINITY) return
    waiting.cancelTimer = this.#clock.setTimeout(
      () => {
        // Timers may be early, and a delay longer than the platform's longest is cut short.
        if (this.#clock.now() < entry.deadlineMs) this.#arm(waiting, entry)
        else this.#take(waiting)?.expire()
      },
      Math.max(0, entry.deadlineMs - this.#clock.now()),
    )
  }

  /** Takes a caller out. `undefined`: it is out already. */
  #take(waiting: Waiting): WaitEntry | undefined {
    const { entry } = waiting
    if (entry === undefined) return undefined
    waiting.remove()
    this.#size--
    return entry
  }
}

/** A place in the list. */
class Waiting {
  entry: WaitEntry | undefined
  cancelTimer: CancelTimer | undefined
  next: Waiting = this
  previous: Waiting = this

  constructor(entry?: WaitEntry) {
    this.entry = entry
  }

  insertBefore(next: Waiting): void {
    this.next = next
    this.previous = next.previous
    this.previous.next = this
    next.previous = this
  }

  remove(): void {
    this.cancelTimer?.()
    this.previous.next = this.next
    this.next.previous = this.previous
    // A ticket may be kept for long; it must keep neither the caller nor its neighbours.
    this.entry = undefined
    this.cancelTimer = undefined
    this.next = this
    this.previous = this
  }
}
