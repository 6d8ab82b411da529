import type { Clock } from '../base/clock.ts'
import {
  checkOptions,
  clockOption,
  durationOption,
  numberOption,
  type OptionTable,
  withDefaults,
} from '../base/option-table.ts'
import { SlidingWindow } from '../base/sliding-window.ts'

/** How many retries the calls to one service may make together. Each load balancer has its own budget. */
export interface RetryBudgetOptions {
  /**
   * Retries allowed for each call of the window, from 0 to 1 000. A higher ratio raises the load in an outage.
   * @default 0.2
   */
  readonly ratio?: number | undefined
  /**
   * Additional retries per second while calls succeed, from 0 to 1 000 000, so that a service with few calls can retry
   * at all. They are kept in a reserve of `minPerSecond` × `windowMs` / 1 000 retries, which is full at first. A call
   * that fails in spite of its retries empties it, and only calls that succeed refill it. Every client has such a
   * reserve, so a large fleet multiplies it.
   * @default 10
   */
  readonly minPerSecond?: number | undefined
  /** How long a call counts, in milliseconds, ≥ 10. @default 10_000 */
  readonly windowMs?: number | undefined
}

const bucketCount = 10

/**
 * What a success brings back at most. With one of two instances dead, every second call needs a retry, and all succeed;
 * where fewer succeed, the service is overloaded rather than an instance dead.
 */
const mostPerSuccess = 0.5

export const retryBudgetTable: OptionTable<RetryBudgetOptions> = {
  ratio: numberOption({ max: 1_000, default: 0.2 }),
  minPerSecond: numberOption({ max: 1_000_000, default: 10 }),
  windowMs: durationOption({ min: bucketCount, default: 10_000 }),
}

/**
 * Limits retries to a share of the calls, so that they do not overload a failing service: each call deposits `ratio` and
 * each retry withdraws 1, over a sliding window. What the window lacks comes out of a reserve.
 *
 * A fleet has as many reserves as clients. So the reserve is for failures of single instances, where retries succeed: a
 * call that fails in spite of its retries empties it, and until a call succeeds, the deposits first pay back what was
 * taken out of it. A client that sees only failures makes the retries of one call ahead of its share.
 *
 * Sources: Finagle's `RetryBudget` for the window; gRFC A6 for tokens that only successes bring back.
 */
export class RetryBudget {
  /** Calls that succeeded since the budget was last used, which refill the reserve then. Calls count them here: a field costs less than a method. */
  successes = 0
  readonly #window: SlidingWindow
  readonly #ratio: number
  readonly #fullReserve: number
  /** Deposits minus withdrawals, in tokens, for each tenth of the window. */
  readonly #buckets = new Float64Array(bucketCount)
  #reserve: number
  /** Taken out of the reserve since the last success. */
  #borrowed = 0
  /** Whether deposits pay that back. */
  #repays = false
  /** What the passing of time allows successes to bring back. */
  #due = 0

  /** @throws InvalidOptionError */
  constructor(options: RetryBudgetOptions & { readonly clock?: Clock | undefined } = {}) {
    const table = { ...retryBudgetTable, clock: clockOption() }
    checkOptions('RetryBudget', options, table)
    const { clock, ratio, minPerSecond, windowMs } = withDefaults(options, table)
    this.#window = new SlidingWindow(clock, windowMs, bucketCount, (bucket) => {
      this.#buckets[bucket] = 0
      this.#due = Math.min(this.#fullReserve, this.#due + this.#fullReserve / bucketCount)
    })
    this.#ratio = ratio
    this.#fullReserve = (minPerSecond * windowMs) / 1_000
    this.#reserve = this.#fullReserve
  }

  /** Retries that would be allowed now. */
  get balance(): number {
    this.#now()
    return this.#share() + this.#reserve
  }

  /** A call was made, or several. `nowMs`: a reading of the clock, where there is one. */
  deposit(calls = 1, nowMs?: number): void {
    const bucket = this.#now(nowMs)
    const repaid = this.#repays ? Math.min(this.#borrowed, calls * this.#ratio) : 0
    this.#borrowed -= repaid
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + calls * this.#ratio - repaid
  }

  /** Takes one retry out of the budget, or says that none is left. */
  tryWithdraw(): boolean {
    const bucket = this.#now()
    const share = this.#share()
    // Deposits are fractions; what is missing by rounding must not cost a retry.
    if (share + this.#reserve < 1 - 1e-6) return false
    const ofReserve = Math.min(this.#reserve, Math.max(0, 1 - share))
    this.#reserve -= ofReserve
    this.#borrowed += ofReserve
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + ofReserve - 1
    return true
  }

  /** A call failed in spite of its retries: so more than one instance fails. */
  failed(): void {
    this.#now()
    this.#reserve = 0
    this.#repays = true
  }

  /** The bucket that is now, with the successes counted. */
  #now(nowMs?: number): number {
    const window = this.#window
    const bucket = nowMs !== undefined && nowMs < window.endsMs ? window.current : window.advance(nowMs)
    if (this.successes === 0) return bucket
    const refill = Math.min(this.successes * mostPerSuccess, this.#due)
    this.#due -= refill
    this.#reserve = Math.min(this.#fullReserve, this.#reserve + refill)
    this.#borrowed = 0
    this.#repays = false
    this.successes = 0
    return bucket
  }

  /** Withdrawals may outlive the deposits that paid for them. */
  #share(): number {
    let sum = 0
    for (const tokens of this.#buckets) sum += tokens
    return Math.max(0, sum)
  }
}
