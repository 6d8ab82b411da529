import { type Clock, systemClock } from '../base/clock.ts'
import { checkClock, checkDurationMs, checkKeys, checkNumber } from '../base/option-checks.ts'
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

const retryBudgetKeys: readonly (keyof RetryBudgetOptions)[] = ['ratio', 'minPerSecond', 'windowMs']

/** @throws InvalidOptionError */
export function checkRetryBudget(path: string, options: RetryBudgetOptions): void {
  checkKeys(path, options, retryBudgetKeys)
  checkNumber(`${path}.ratio`, options.ratio, 0, 1_000)
  checkNumber(`${path}.minPerSecond`, options.minPerSecond, 0, 1_000_000)
  checkDurationMs(`${path}.windowMs`, options.windowMs, { min: bucketCount })
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
    checkKeys('RetryBudget', options, [...retryBudgetKeys, 'clock'])
    const { clock = systemClock, ...budget } = options
    checkClock('RetryBudget.clock', clock)
    checkRetryBudget('RetryBudget', budget)
    const { ratio = 0.2, minPerSecond = 10, windowMs = 10_000 } = budget
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

  /** A request was made, or several. */
  deposit(requests = 1): void {
    const bucket = this.#window.advance()
    this.#buckets[bucket] = (this.#buckets[bucket] as number) + requests * this.#ratio
  }

  /** Takes one retry out of the budget, or says that none is left. */
  tryWithdraw(): boolean {
    const bucket = this.#window.advance()
    // Deposits are fractions; what is missing by rounding must not cost a retry.
    if (this.#sum() < 1 - 1e-6) return false
    this.#buckets[bucket] = (this.#buckets[bucket] as number) - 1
    return true
  }

  #sum(): number {
    return this.#buckets.reduce((sum, tokens) => sum + tokens, this.#reserve)
  }
}
