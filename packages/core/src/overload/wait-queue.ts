import { type CancelTimer, type Clock, systemClock } from '../base/clock.ts'
import { checkClock, checkInteger, checkKeys } from '../base/option-checks.ts'

/** A caller that waits for capacity. Exactly one of its two functions is called, once, unless it leaves before. */
export interface WaitEntry {
  /** Reading of the clock from which it does not want to wait any longer. `Infinity`: it waits for ever. */
  readonly deadlineMs: number
  /** Whether capacity is of use to it now: else those behind it go first. Absent: always. Must not throw. */
  readonly mayEnter?: () => boolean
  /** There is capacity now, and it is this caller's. Must not throw. */
  admit(): void
  /** The deadline passed. Must not throw. */
  expire(): void
}

export interface WaitTicket {
  /** The caller went away: neither of its functions is called any more. Does nothing once it is out of the queue. O(1). */
  leave(): void
}

export interface WaitQueueOptions {
  /** Callers that may wait at a time. Integer in [0, 1 000 000]; with 0, none waits. */
  readonly maxSize: number
  readonly clock?: Clock
}

/**
 * Callers that wait for capacity, first come, first served, each until its deadline.
 *
 * Everything is O(1), and a caller that left takes no memory: the queue is a linked list. A timer per caller, which keeps the
 * process alive, because the caller waits for it.
 */
export class WaitQueue {
  readonly #maxSize: number
  readonly #clock: Clock
  /** Before the first and after the last, so that no entry needs a special case. */
  readonly #ends = new Waiting()
  #size = 0
  #closed = false

  /** @throws InvalidOptionError */
  constructor(options: WaitQueueOptions) {
    checkKeys('WaitQueue', options, ['maxSize', 'clock'])
    const { maxSize, clock = systemClock } = options
    checkInteger('WaitQueue.maxSize', maxSize ?? Number.NaN, 0, 1_000_000)
    checkClock('WaitQueue.clock', clock)
    this.#maxSize = maxSize
    this.#clock = clock
  }

  /** Callers that are waiting. */
  get size(): number {
    return this.#size
  }

  /** Puts a caller at the end. `undefined`: the queue is full, or closed. One whose deadline passed expires soon, not at once. */
  enqueue(entry: WaitEntry): WaitTicket | undefined {
    if (this.#closed || this.#size >= this.#maxSize) return undefined
    const waiting = new Waiting(entry)
    waiting.insertBefore(this.#ends)
    this.#size++
    this.#arm(waiting, entry)
    return { leave: () => void this.#take(waiting) }
  }

  /**
   * Admits the caller that has waited longest, of those that may enter. `false`: none is waiting. A caller whose deadline passed is not
   * admitted, even when its timer is late.
   */
  admitNext(): boolean {
    if (this.#size === 0) return false
    const nowMs = this.#clock.now()
    let waiting = this.#ends.next
    while (waiting.entry !== undefined) {
      const { entry, next } = waiting
      if (nowMs >= entry.deadlineMs) {
        this.#take(waiting)
        entry.expire()
        // Others may have left meanwhile.
        waiting = this.#ends.next
      } else if (entry.mayEnter === undefined || entry.mayEnter()) {
        this.#take(waiting)
        entry.admit()
        return true
      } else waiting = next
    }
    return false
  }

  /** Ends the queue. Gives those that were waiting, oldest first: none of their functions was or will be called. */
  close(): WaitEntry[] {
    this.#closed = true
    const entries: WaitEntry[] = []
    while (this.#size > 0) entries.push(this.#take(this.#ends.next) as WaitEntry)
    return entries
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
  #previous: Waiting = this

  constructor(entry?: WaitEntry) {
    this.entry = entry
  }

  insertBefore(next: Waiting): void {
    this.next = next
    this.#previous = next.#previous
    this.#previous.next = this
    next.#previous = this
  }

  remove(): void {
    this.cancelTimer?.()
    this.#previous.next = this.next
    this.next.#previous = this.#previous
    // A ticket may be kept for long; it must keep neither the caller nor its neighbours.
    this.entry = undefined
    this.cancelTimer = undefined
    this.next = this
    this.#previous = this
  }
}
