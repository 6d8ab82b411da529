import type { DeadlineExceededError } from '../base/errors.ts'
import type { MetadataMatch } from '../instance/metadata-match.ts'
import type { HedgePolicy } from '../retry/hedging.ts'
import type { CallTarget } from '../service/call-target.ts'
import type { AttemptPickRequest } from '../service/picker.ts'
import type { Request } from '../service/request.ts'
import type { Attempt, SettledAttempt } from './attempt.ts'
import type { AttemptFunction } from './attempt-context.ts'
import { AttemptRace, type AttemptRaceOptions } from './attempt-race.ts'
import { hedged } from './hedged-attempts.ts'
import type { CallScope } from './scope.ts'

/** What the attempts beside each other need of their call. */
export interface AccompaniedCall<T> {
  readonly target: CallTarget
  readonly scope: CallScope
  readonly start: AttemptFunction<T>
  /** No attempt starts later. */
  readonly latestMs: number
  /** Retries so far; a second try is one. */
  retries: number
  /** What the metadata of the instance must say. */
  readonly match: MetadataMatch | undefined
  tried(): ReadonlySet<string>
  pickRequest(): AttemptPickRequest | undefined
  newAttempt(request: Request, besideId?: string): Attempt<T>
  /** Whether a further attempt could end better than `settled`. */
  isRepeatable(settled: SettledAttempt<T>): boolean
}

/** The attempts of one round of a call beside each other: hedges, and second tries where an instance says nothing. */
export class Companions<T> {
  readonly #call: AccompaniedCall<T>
  #race: AttemptRace<T> | undefined

  constructor(call: AccompaniedCall<T>) {
    this.#call = call
  }

  /** Runs `first`, and hedges when it takes long. */
  hedge(first: Attempt<T>, policy: HedgePolicy): Promise<SettledAttempt<T>> {
    const { target, scope } = this.#call
    return hedged(first, {
      policy,
      target,
      scope,
      another: () => this.#another(),
      onHedge: (attempt) => this.#emitHedge(attempt),
      onRace: (race) => {
        this.#race = race
      },
      ...this.#raceOptions(),
    })
  }

  /** Whether `attempt` is the one that began last: only beside that one may another begin. */
  isLatest(attempt: Attempt<T>): boolean {
    return this.#race === undefined || this.#race.latest === attempt
  }

  /** Whether other attempts run beside `attempt`, or have ended the round without it. */
  isAccompanied(attempt: Attempt<T>): boolean {
    const race = this.#race
    return race !== undefined && (race.size > 1 || !race.has(attempt))
  }

  /** Ends `attempt`, if others accompany it and it is still waited for. False: it is alone. */
  leave(attempt: Attempt<T>, error: DeadlineExceededError): boolean {
    if (!this.isAccompanied(attempt)) return false
    if (this.#race?.has(attempt) === true) attempt.interrupt(error)
    return true
  }

  /** Makes a second try beside `attempt`; false when there may be none. */
  trySecond(attempt: Attempt<T>, error: DeadlineExceededError): boolean {
    const call = this.#call
    const second = this.#another(attempt.instance.id)
    if (second === undefined) return false
    call.retries++
    this.#race ??= this.#raceOf(attempt)
    this.#race.begin(second)
    const { events, service } = call.target
    const { instance, number } = attempt
    if (events.active)
      events.emit({ type: 'retry', service, call: call.scope.call, instance, number, error, delayMs: 0 })
    return true
  }

  #raceOf(attempt: Attempt<T>): AttemptRace<T> {
    const race = AttemptRace.of(attempt, this.#raceOptions())
    this.#call.scope.interrupts(race)
    return race
  }

  #raceOptions(): AttemptRaceOptions<T> {
    const call = this.#call
    return {
      run: (attempt) => attempt.run(call.start),
      isFinal: (settled) => !call.isRepeatable(settled),
      takesOver: (loser, winner) => this.#takesOver(loser, winner),
    }
  }

  /** That `loser` was outrun may speak against its instance; its late answer is then still waited for. */
  #takesOver(loser: Attempt<T>, { attempt, classification: { ok, statusCode } }: SettledAttempt<T>): boolean {
    const aheadMs = loser.aheadOfMs(attempt)
    const answered = ok || statusCode !== undefined
    if (!answered || aheadMs < loser.secondTryAfterMs || attempt.latencyMs > aheadMs) return false
    return this.#call.target.outrun(loser)
  }

  #emitHedge({ number, instance }: Attempt<T>): void {
    const { target, scope } = this.#call
    const { events, service } = target
    if (events.active) events.emit({ type: 'hedge', service, call: scope.call, instance, number })
  }

  /** A further attempt beside those under way; `undefined` when there is no budget, no room, or no other instance. */
  #another(besideId?: string): Attempt<T> | undefined {
    const { target, latestMs } = this.#call
    const { budget, running } = target
    if (running.now() >= latestMs || !target.mayAcquireBeside(this.#call.tried(), this.#call.match)) return undefined
    if (target.isThrottled(this.#call.scope.rank)) return undefined
    if (budget !== undefined && !budget.tryWithdraw()) return undefined
    const request = this.#tryAcquire()
    return request && this.#call.newAttempt(request, besideId)
  }

  #tryAcquire(): Request | undefined {
    try {
      return this.#call.target.acquire(this.#call.pickRequest(), 'never')
    } catch {
      // A balancer of the application's. The call has an attempt that may still end well.
      return undefined
    }
  }
}
