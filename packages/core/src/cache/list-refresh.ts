import { exponentialBackoffMs } from '../base/backoff.ts'
import type { CancelTimer, Clock } from '../base/clock.ts'
import { jittered, type Random } from '../base/random.ts'

export interface ListRefreshOptions {
  /** Longest gap between two questions of which nothing came. */
  readonly maxGapMs: number
  readonly clock: Clock
  readonly random: Random
  /** Queries the discovery; `answered` or `failed` reports the result. */
  readonly ask: () => void
}

interface Waiter {
  readonly resolve: () => void
  readonly reject: (cause: unknown) => void
}

/** A fleet sees the same instance go at the same moment, and must not ask at the same moment. */
const spreadMs = 100
const minGapMs = 500

/**
 * When the discovery is asked between its own turns: soon after an instance refused or vanished, and on demand. The gap between two
 * questions is half a second, and doubles as long as they change nothing; jitter makes it up to a half shorter; one question is under way at a time.
 *
 * Source: gRPC's re-resolution when a connection fails, with its least time between two of them (there 30 s, as DNS is cached).
 */
export class ListRefresh {
  readonly #options: ListRefreshOptions
  /** Questions that changed nothing, since the last that did. */
  #vain = 0
  #askedAtMs = Number.NEGATIVE_INFINITY
  #asking = false
  #dueAtMs: number | undefined
  #cancelTimer: CancelTimer = () => {}
  /** For the question under way, and for the next one. */
  #asked: Waiter[] = []
  #waiters: Waiter[] = []
  #listeners: (() => void)[] = []

  constructor(options: ListRefreshOptions) {
    this.#options = options
  }

  /** Whether a question is under way. */
  get asking(): boolean {
    return this.#asking
  }

  /** The list may be old: it is asked for as soon as the gap allows. */
  hint(): void {
    const { clock, random, maxGapMs } = this.#options
    if (this.#asking || this.#dueAtMs !== undefined) return
    const now = clock.now()
    // Long ago: something else happens now.
    if (now - this.#askedAtMs > 2 * maxGapMs) this.#vain = 0
    const gapMs = exponentialBackoffMs(Math.max(1, this.#vain), minGapMs, maxGapMs)
    this.#schedule(Math.max(now + random() * spreadMs, this.#askedAtMs + jittered(gapMs, 0.5, random)))
  }

  /** Asks now, or when half a second has passed since the last question. Settles with what comes of it. */
  refresh(): Promise<void> {
    const settled = new Promise<void>((resolve, reject) => this.#waiters.push({ resolve, reject }))
    if (!this.#asking) this.#scheduleForWaiters()
    return settled
  }

  /** Whether an answer is to come that was asked for by `untilMs`. */
  isExpectedBy(untilMs: number): boolean {
    return this.#asking || (this.#dueAtMs !== undefined && this.#dueAtMs <= untilMs)
  }

  /** Calls `listener` when an answer came, or a question failed, until the returned function is called. */
  onSettled(listener: () => void): () => void {
    this.#listeners.push(listener)
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener)
    }
  }

  /** The discovery has responded, whatever requested it. */
  answered(changed: boolean): void {
    if (changed) this.#vain = 0
    else if (this.#asking) this.#vain++
    this.#settle(({ resolve }) => resolve())
  }

  /** The question failed. */
  failed(cause: unknown): void {
    if (this.#asking) this.#vain++
    this.#settle(({ reject }) => reject(cause))
  }

  close(cause: unknown): void {
    this.#cancelTimer()
    this.#asking = false
    for (const { reject } of [...this.#asked.splice(0), ...this.#waiters.splice(0)]) reject(cause)
    this.#listeners = []
  }

  #settle(settle: (waiter: Waiter) => void): void {
    this.#asking = false
    for (const waiter of this.#asked.splice(0)) settle(waiter)
    for (const listener of Array.from(this.#listeners)) listener()
    if (this.#waiters.length > 0 && !this.#asking) this.#scheduleForWaiters()
  }

  #scheduleForWaiters(): void {
    const now = this.#options.clock.now()
    const earliestMs = Math.max(now, this.#askedAtMs + minGapMs)
    if (earliestMs <= now) this.#ask()
    else if (this.#dueAtMs === undefined || earliestMs < this.#dueAtMs) this.#schedule(earliestMs)
  }

  #schedule(atMs: number): void {
    const { clock } = this.#options
    this.#cancelTimer()
    this.#dueAtMs = atMs
    this.#cancelTimer = clock.setTimeout(() => this.#ask(), atMs - clock.now(), { background: true })
  }

  #ask(): void {
    this.#cancelTimer()
    this.#dueAtMs = undefined
    this.#askedAtMs = this.#options.clock.now()
    this.#asking = true
    this.#asked = this.#waiters.splice(0)
    this.#options.ask()
  }
}
