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

/** How many retries the calls to one service may make together. */
export interface RetryBudgetOptions {
  /**
   * Retries allowed for each request of the window, from 0 to 1 000. A higher ratio raises the load in an outage.
   * @default 0.2
   */
  readonly ratio?: number | undefined
  /**
   * Additional retries allowed per second, from 0 to 1 000 000, so that a service with few requests can retry at all.
   * @default 10
   */
  readonly minPerSecond?: number | undefined
  /** How long a request counts, in milliseconds, ≥ 10. @default 10_000 */
  readonly windowMs?: number | undefined
}

const bucketCount = 10

export const retryBudgetTable: OptionTable<RetryBudgetOptions> = {
  ratio: numberOption({ max: 1_000, default: 0.2 }),
  minPerSecond: numberOption({ max: 1_000_000, default: 10 }),
  windowMs: durationOption({ min: bucketCount, default: 10_000 }),
}

/**
 * Limits retries to a share of the requests, so that they do not overload a failing service. Each request deposits
 * `ratio` and each retry withdraws 1, over a sliding window; a reserve of `minPerSecond` × window is always available.
 * With the defaults, 10 000 requests to a dead service cause at most 12 100 attempts.
 *
 * Source: Finagle's `RetryBudget` (windowed token bucket).
 */
export class RetryBudget {
  readonly #window: SlidingWindow
  readonly #ratio: number
  readonly #reserve: number
  /** Deposits minus withdrawals, in tokens, for each tenth of the window. */
  readonly #buckets = new Float64Array(bucketCount)

  /** @throws InvalidOptionError */
  constructor(options: RetryBudgetOptions & { readonly clock?: Clock | undefined } = {}) {
    const table = { ...retryBudgetTable, clock: clockOption() }
    checkOptions('RetryBudget', options, table)
    const { clock, ratio, minPerSecond, windowMs } = withDefaults(options, table)
    this.#window = new SlidingWindow(clock, windowMs, bucketCount, (bucket) => {
      this.#buckets[bucket] = 0
    })
    this.#ratio = ratio
    this.#reserve = (minPerSecond * windowMs) / 1_000
  }

  /** Retries that would be allowed now. */
  get balance(): number {
    this.#window.advance()
    return Math.max(0, this.#sum())
  }

  /** A request was made, or several. `nowMs`: a reading of the clock, where there is one. */
  deposit(requests = 1, nowMs?: number): void {
    const bucket = this.#window.advance(nowMs)
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + requests * this.#ratio
  }

  /** Takes one retry out of the budget, or says that none is left. */
  tryWithdraw(): boolean {
    const bucket = this.#window.advance()
    // Deposits are fractions; what is missing by rounding must not cost a retry.
    if (this.#sum() < 1 - 1e-6) return false
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) - 1
    return true
  }

  #sum(): number {
    return this.#buckets.reduce((sum, tokens) => sum + tokens, this.#reserve)
  }
}
