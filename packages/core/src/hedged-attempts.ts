import type { Attempt, SettledAttempt } from './attempt.ts'
import type { CallScope } from './call-scope.ts'
import type { CancelTimer } from './clock.ts'
import type { HedgePolicy } from './retry/hedging.ts'
import type { ServiceBalancer } from './service-balancer.ts'

export interface HedgedAttemptsOptions<T> {
  readonly policy: HedgePolicy
  readonly target: ServiceBalancer
  readonly scope: CallScope
  readonly run: (attempt: Attempt<T>) => Promise<SettledAttempt<T>>
  /** Makes an attempt on another instance; `undefined` when there may be none. */
  readonly another: () => Attempt<T> | undefined
  /** Whether a further attempt could not end better. */
  readonly isFinal: (settled: SettledAttempt<T>) => boolean
}

/**
 * Runs `first`, and beside it further attempts when it takes long. Gives the first that ended well, or for good, and
 * cancels the others; or the last failure. Never rejects.
 */
export function hedged<T>(first: Attempt<T>, options: HedgedAttemptsOptions<T>): Promise<SettledAttempt<T>> {
  return new Promise((resolve) => new HedgedAttempts(first, options, resolve).start())
}

class HedgedAttempts<T> {
  readonly #first: Attempt<T>
  readonly #options: HedgedAttemptsOptions<T>
  readonly #resolve: (settled: SettledAttempt<T>) => void
  readonly #running = new Set<Attempt<T>>()
  #hedges = 0
  #cancelTimer: CancelTimer = () => {}

  constructor(first: Attempt<T>, options: HedgedAttemptsOptions<T>, resolve: (settled: SettledAttempt<T>) => void) {
    this.#first = first
    this.#options = options
    this.#resolve = resolve
  }

  start(): void {
    // Before it begins: the call may have ended meanwhile, and then it must not be sent.
    this.#running.add(this.#first)
    this.#options.scope.interrupts({
      interrupt: (reason) => {
        for (const attempt of this.#running) attempt.interrupt(reason)
      },
    })
    this.#begin(this.#first)
    this.#schedule()
  }

  #begin(attempt: Attempt<T>): void {
    this.#running.add(attempt)
    void this.#options.run(attempt).then((settled) => this.#settle(settled))
  }

  #schedule(): void {
    const { policy, target, another } = this.#options
    const delayMs = this.#delayMs
    if (delayMs === undefined || this.#hedges >= policy.maxHedges) return
    this.#cancelTimer = target.clock.setTimeout(() => {
      const attempt = another()
      if (attempt === undefined) return
      this.#hedges++
      this.#begin(attempt)
      this.#schedule()
    }, delayMs)
  }

  #settle(settled: SettledAttempt<T>): void {
    this.#learn(settled)
    const lost = !this.#running.delete(settled.attempt)
    if (lost || (this.#running.size > 0 && !this.#options.isFinal(settled))) {
      this.#lose(settled)
      return
    }
    this.#cancelTimer()
    const losers = [...this.#running]
    this.#running.clear()
    for (const loser of losers) loser.cancel(new DOMException('another attempt was faster', 'AbortError'))
    this.#resolve(settled)
  }

  #lose({ attempt, result }: SettledAttempt<T>): void {
    attempt.done()
    if (result.ok) attempt.discard(result.value)
  }

  // First attempts only, and at least as long as they ran when a hedge was faster. Without those the slow ones would be
  // missing, the quantile would sink, and each time more requests would be hedged.
  #learn({ attempt, classification }: SettledAttempt<T>): void {
    if (attempt !== this.#first || !(classification.ok || attempt.cancelled)) return
    this.#options.target.feedback.latencies?.observe(attempt.latencyMs)
  }

  get #delayMs(): number | undefined {
    const { policy, target } = this.#options
    if (policy.delayMs !== undefined) return policy.delayMs
    const usual = target.feedback.latencies?.quantile(policy.percentile / 100)
    return usual === undefined ? undefined : Math.max(policy.minDelayMs, usual)
  }
}
