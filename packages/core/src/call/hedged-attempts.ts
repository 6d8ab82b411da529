import type { CancelTimer } from '../base/clock.ts'
import type { LatencyQuantile } from '../overload/latency-quantile.ts'
import type { HedgePolicy } from '../retry/hedging.ts'
import type { CallTarget } from '../service/call-target.ts'
import type { Attempt, SettledAttempt } from './attempt.ts'
import { AttemptRace, type AttemptRaceOptions } from './attempt-race.ts'
import type { CallScope } from './scope.ts'

export interface HedgedAttemptsOptions<T> extends Omit<AttemptRaceOptions<T>, 'onSettled'> {
  readonly policy: HedgePolicy
  readonly target: Pick<CallTarget, 'running'> & {
    readonly latencies: Pick<LatencyQuantile, 'observe' | 'quantile'> | undefined
  }
  readonly scope: CallScope
  /** Makes an attempt on another instance; `undefined` when there may be none. */
  readonly another: () => Attempt<T> | undefined
  /** A further attempt began. */
  readonly onHedge?: (attempt: Attempt<T>) => void
  /** Called with the race before the first attempt begins. */
  readonly onRace?: (race: AttemptRace<T>) => void
}

/** Runs `first`, and beside it further attempts when it takes long. Never rejects. */
export function hedged<T>(first: Attempt<T>, options: HedgedAttemptsOptions<T>): Promise<SettledAttempt<T>> {
  return new Promise((resolve) => new HedgedAttempts(first, options, resolve).start())
}

class HedgedAttempts<T> {
  readonly #first: Attempt<T>
  readonly #options: HedgedAttemptsOptions<T>
  readonly #race: AttemptRace<T>
  #hedges = 0
  #cancelTimer: CancelTimer = () => {}

  constructor(first: Attempt<T>, options: HedgedAttemptsOptions<T>, resolve: (settled: SettledAttempt<T>) => void) {
    const onSettled = (settled: SettledAttempt<T>): void => this.#learn(settled)
    this.#first = first
    this.#options = options
    this.#race = new AttemptRace({ ...options, onSettled }, (settled) => {
      this.#cancelTimer()
      resolve(settled)
    })
  }

  start(): void {
    const { scope, onRace } = this.#options
    onRace?.(this.#race)
    this.#race.enter(this.#first)
    scope.interrupts(this.#race)
    this.#race.begin(this.#first)
    this.#schedule()
  }

  #schedule(): void {
    const { policy, target, another, onHedge } = this.#options
    const delayMs = this.#delayMs
    if (delayMs === undefined || this.#hedges >= policy.maxHedges) return
    this.#cancelTimer = target.running.setTimeout(() => {
      const attempt = another()
      if (attempt === undefined) return
      this.#hedges++
      this.#race.begin(attempt)
      onHedge?.(attempt)
      this.#schedule()
    }, delayMs)
  }

  // First attempts only, and at least as long as they ran when a hedge was faster. Without those the slow ones would be
  // missing, the quantile would sink, and each time more requests would be hedged.
  #learn({ attempt, classification }: SettledAttempt<T>): void {
    if (attempt !== this.#first || !(classification.ok || attempt.cancelled)) return
    this.#options.target.latencies?.observe(attempt.latencyMs)
  }

  get #delayMs(): number | undefined {
    const { policy, target } = this.#options
    if (policy.delayMs !== undefined) return policy.delayMs
    const usual = target.latencies?.quantile(policy.percentile / 100)
    return usual === undefined ? undefined : Math.max(policy.minDelayMs, usual)
  }
}
