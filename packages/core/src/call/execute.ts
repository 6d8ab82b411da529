import type { PickRequest } from '../balancer/balancer.ts'
import { appendCause } from '../base/append-cause.ts'
import { fullJitterBackoffMs } from '../base/backoff.ts'
import { type DeadlineExceededError, LoadBalancerClosedError, NoAvailableInstanceError } from '../base/errors.ts'
import { rejectOption } from '../base/option-checks.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import type { ApplicationCallback } from '../observe/events.ts'
import { type AttemptResult, type Classification, classifyError } from '../retry/classification.ts'
import { isTimeout } from '../retry/error-verdict.ts'
import { type RetryOptions, type RetryPolicy, retryPolicy } from '../retry/retry-policy.ts'
import type { SinglePickResult } from '../service/pick-result.ts'
import type { AttemptPickRequest, MayProbe } from '../service/picker.ts'
import type { Service } from '../service/service.ts'
import { Attempt, type AttemptedCall, type AttemptFunction, type Judged, type SettledAttempt } from './attempt.ts'
import { AttemptRace, type AttemptRaceOptions } from './attempt-race.ts'
import { hedged } from './hedged-attempts.ts'
import { isResponse, responseClassification } from './response.ts'
import type { AbortSignalLike, CallScope } from './scope.ts'
import { freeUnreadBody } from './unread-body.ts'

export interface ExecuteOptions<T = unknown> extends PickRequest {
  /** Ends the call with the signal's reason. */
  readonly signal?: AbortSignalLike | undefined
  /** Time limit of the call with all its attempts, in milliseconds. Default: the service's `timeoutMs`. */
  readonly timeoutMs?: number | undefined
  /** No retry starts later than this many milliseconds after the call began. Default: `timeoutMs`. */
  readonly retryWithinMs?: number | undefined
  /**
   * Whether doing it twice has the effect of doing it once. Default false: it is repeated only when it provably never
   * reached an instance.
   */
  readonly idempotent?: boolean | undefined
  /** Overrides the service's, field by field. The budget is always the service's. */
  readonly retry?: Omit<RetryOptions, 'budget'> | false | undefined
  /**
   * Says how an attempt ended; `undefined` leaves it to the default: a fetch `Response` by its status, any other value
   * as success, an error as `classifyError` does. Not asked about an attempt that was cancelled because another was faster.
   */
  readonly classify?: (result: AttemptResult<T>, instance: ServiceInstance) => Classification | undefined
  /**
   * Called with a value that is given up for a retry, to free what it holds. Bodies that were not read need none: of a fetch `Response`,
   * and Node's streams as `body`, as `data` or as the value itself.
   */
  readonly discard?: ((value: T) => void) | undefined
}

/**
 * Waits for the first list, picks, runs, classifies and maybe retries on an instance not tried yet, all within `scope`, the limits
 * of the service and the retry budget. `scope` is released at the end.
 */
export function execute<T>(
  target: Service,
  attempt: AttemptFunction<T>,
  options: ExecuteOptions<T>,
  scope: CallScope,
): Promise<T> {
  return new Call(target, attempt, options, scope).run()
}

/** Shared, as most calls have one attempt. */
const none: readonly ServiceInstance[] = Object.freeze([])

class Call<T> implements AttemptedCall<T> {
  readonly #target: Service
  readonly #attempt: AttemptFunction<T>
  readonly #options: ExecuteOptions<T>
  readonly #scope: CallScope
  readonly #policy: RetryPolicy
  readonly #idempotent: boolean
  /** The instances of the attempts so far. */
  #previous: readonly ServiceInstance[] = none
  #retries = 0
  /** Milliseconds that responses asked to wait for, and were. */
  #askedMs = 0
  /** Ids of the instances on which an attempt timed out. */
  #timedOut: Set<string> | undefined
  /** The attempts under way, once there were several beside each other. */
  #race: AttemptRace<T> | undefined
  /** Whether the next retry was paid for out of the budget already. */
  #paidAhead = false
  /** Of the list that the last attempt was picked from. */
  #listVersion = 0

  constructor(target: Service, attempt: AttemptFunction<T>, options: ExecuteOptions<T>, scope: CallScope) {
    this.#target = target
    this.#attempt = attempt
    this.#options = options
    this.#scope = scope
    this.#policy = retryPolicy(options.retry, target.settings.retry)
    this.#idempotent = options.idempotent === true
  }

  async run(): Promise<T> {
    const scope = this.#scope
    const target = this.#target
    target.callBegan()
    try {
      scope.throwIfEnded()
      if (!target.hasList) await target.lists.first(scope)
      target.refuseIfThrottled()
      const picked = this.#acquireOrWait()
      // An await costs a turn, which the usual first attempt does without.
      let settled = await this.#round(picked instanceof Promise ? await picked : picked)
      for (;;) {
        const delayMs = this.#retryDelayMs(settled)
        if (delayMs !== undefined) this.#giveUp(settled, delayMs)
        else if (!this.#mayWaitForList(settled)) return this.#end(settled)
        const next = await this.#next(settled, delayMs)
        if (next === undefined) return this.#end(settled)
        settled = await this.#round(next)
      }
    } finally {
      if (!scope.kept) scope.release()
      target.callEnded()
    }
  }

  /** One attempt, or several beside each other. */
  #round(picked: SinglePickResult): Promise<SettledAttempt<T>> {
    const { budget, settings } = this.#target
    const { hedge } = settings
    this.#race = undefined
    const first = this.#newAttempt(this.#target.unlessClosed(picked))
    // Only for a request that is sent: calls that are refused here must not pay for retries.
    if (this.#retries === 0) budget?.deposit()
    if (hedge === undefined || !this.#idempotent || this.#retries > 0) {
      this.#scope.interrupts(first)
      return first.run(this.#attempt)
    }
    return hedged(first, {
      policy: hedge,
      target: this.#target,
      scope: this.#scope,
      another: () => this.#another(),
      onHedge: (attempt) => this.#emitHedge(attempt),
      onRace: (race) => {
        this.#race = race
      },
      ...this.#raceOptions(),
    })
  }

  #raceOptions(): AttemptRaceOptions<T> {
    return {
      run: (attempt) => attempt.run(this.#attempt),
      isFinal: ({ classification }) => !this.#isRepeatable(classification),
      takesOver: (loser, winner) => this.#tellOutrun(loser, winner),
    }
  }

  /** Tells that `loser` was outrun, when that may speak against its instance; its late answer is then still waited for. */
  #tellOutrun(loser: Attempt<T>, { attempt, classification: { ok, statusCode } }: SettledAttempt<T>): boolean {
    const aheadMs = loser.aheadOfMs(attempt)
    const answered = ok || statusCode !== undefined
    if (!answered || aheadMs < loser.secondTryAfterMs || attempt.latencyMs > aheadMs) return false
    return this.#target.feedback.secondTries.faster(loser)
  }

  canMove(attempt: Attempt<T>): boolean {
    const race = this.#race
    return this.#retries < this.#policy.maxRetries && (race === undefined || race.latest === attempt)
  }

  isAccompanied(attempt: Attempt<T>): boolean {
    const race = this.#race
    return race !== undefined && (race.size > 1 || !race.has(attempt))
  }

  trySecond(attempt: Attempt<T>, error: DeadlineExceededError): boolean {
    if (this.#scope.ended || !this.canMove(attempt)) return false
    const second = this.#another(attempt.instance.id)
    if (second === undefined) return false
    this.#retries++
    this.#race ??= this.#raceOf(attempt)
    this.#race.begin(second)
    const { events, service } = this.#target
    const { instance, number } = attempt
    if (events.active) events.emit({ type: 'retry', service, instance, number, error, delayMs: 0 })
    return true
  }

  #raceOf(attempt: Attempt<T>): AttemptRace<T> {
    const race = AttemptRace.of(attempt, this.#raceOptions())
    this.#scope.interrupts(race)
    return race
  }

  /** Leaves an instance that fell silent, if there is a retry for it. */
  moveOn(attempt: Attempt<T>, error: DeadlineExceededError): void {
    const { budget, running } = this.#target
    const race = this.#race
    if (race !== undefined && (race.size > 1 || !race.has(attempt))) {
      // Others go on.
      if (race.has(attempt)) attempt.interrupt(error)
      return
    }
    if (this.#target.closed || this.#retries >= this.#policy.maxRetries || running.now() >= this.#latestMs) return
    if (!this.#target.hasCandidateBeyond(this.#tried())) return
    if (!this.#paidAhead && budget !== undefined && !budget.tryWithdraw()) return
    this.#paidAhead = true
    attempt.interrupt(error)
  }

  // Synchronous while there is room: the first attempt starts within the caller's own turn.
  #acquire(): SinglePickResult | Promise<SinglePickResult> {
    const target = this.#target
    const request = this.#pickRequest()
    const mayProbe = this.#mayProbe
    const take = (): SinglePickResult | undefined => target.acquire(request, mayProbe)
    return take() ?? target.capacity.waitForRoom(this.#scope, take)
  }

  /** A request that can be repeated elsewhere may try whether an ejected instance is back. */
  get #mayProbe(): MayProbe {
    if (this.#retries > 0 || this.#policy.maxRetries === 0) return 'never'
    return this.#idempotent ? 'always' : 'refused'
  }

  /**
   * Waits for the turn of the next attempt after `settled`. `undefined`: it finds no place, and what is known of `settled` says more
   * than that.
   */
  async #next(settled: SettledAttempt<T>, delayMs: number | undefined): Promise<SinglePickResult | undefined> {
    const { attempt, result } = settled
    let isLast = false
    try {
      if (delayMs === undefined) {
        attempt.done()
        const picked = await this.#acquireFromNewerList()
        isLast = picked === undefined
        if (picked !== undefined) this.#emitRetry(settled, 0)
        return picked
      }
      await this.#backOff(delayMs)
      // Another list may have come meanwhile.
      if (this.#timedOutEverywhere()) {
        isLast = true
        return undefined
      }
      this.#retries++
      return await this.#acquireOrWait()
    } catch (error) {
      if (this.#scope.ended) throw error
      if (error instanceof NoAvailableInstanceError && !result.ok) {
        throw new NoAvailableInstanceError(error.message, { service: this.#target.service, cause: result.error })
      }
      if (error instanceof LoadBalancerClosedError && !result.ok) appendCause(result.error, error)
      isLast = true
      return undefined
    } finally {
      if (!isLast && result.ok) this.discard(result.value)
      else if (!isLast && !result.ok) freeUnreadBody(result.error)
    }
  }

  #acquireOrWait(): SinglePickResult | Promise<SinglePickResult> {
    try {
      return this.#acquire()
    } catch (error) {
      if (!(error instanceof NoAvailableInstanceError)) throw error
      this.#listVersion = this.#target.listVersion
      return this.#acquireFromNewerList().then((picked) => {
        if (picked === undefined) throw error
        return picked
      })
    }
  }

  /** Nothing was sent, and no retry is left or no instance: the list may be older than what the registry has. */
  #mayWaitForList({ result, classification }: SettledAttempt<T>): boolean {
    const { maxRetries } = this.#policy
    return !result.ok && classification.retry === 'always' && maxRetries > 0 && !this.#scope.ended
  }

  /** Begins anew with an instance that was not tried yet, once the list has one: nothing was sent so far. */
  #acquireFromNewerList(): Promise<SinglePickResult | undefined> {
    const target = this.#target
    // At its deadline a call gets no result; before that, the one it has.
    const bounds = { version: this.#listVersion, untilMs: this.#latestMs - 1 }
    return target.lists.takeFromNewer(this.#scope, bounds, () => {
      if (!target.hasCandidateBeyond(this.#tried())) return undefined
      this.#retries = 0
      return this.#acquire()
    })
  }

  #emitHedge({ number, instance }: Attempt<T>): void {
    const { events, service } = this.#target
    if (events.active) events.emit({ type: 'hedge', service, instance, number })
  }

  /** A further attempt beside those under way; `undefined` when there is no budget, no room, or nobody else to ask. */
  #another(besideId?: string): Attempt<T> | undefined {
    const target = this.#target
    const { budget, capacity, feedback, running } = target
    if (target.closed || !capacity.hasRoom || running.now() >= this.#latestMs) return undefined
    // One with room: the limit of an instance would lead back to one that is being asked.
    if (!target.hasCandidateBeyond(new Set([...this.#tried(), ...capacity.fullInstances()]))) return undefined
    if (feedback.throttle?.shouldReject() === true) return undefined
    if (budget !== undefined && !budget.tryWithdraw()) return undefined
    const picked = this.#tryAcquire()
    return picked && this.#newAttempt(picked, besideId)
  }

  #tryAcquire(): SinglePickResult | undefined {
    try {
      return this.#target.acquire(this.#pickRequest(), 'never')
    } catch {
      // A balancer of the application's. The call has an attempt that may still end well.
      return undefined
    }
  }

  #newAttempt(picked: SinglePickResult, besideId?: string): Attempt<T> {
    const { service, settings, running, listVersion } = this.#target
    const previous = this.#previous
    this.#listVersion = listVersion
    this.#previous = [...previous, picked.instance]
    return new Attempt<T>({
      service,
      clock: running,
      scope: this.#scope,
      number: this.#previous.length,
      previous,
      picked,
      timeoutMs: this.#policy.attemptTimeoutMs,
      secondTryAfterMs: this.#policy.secondTryAfterMs,
      besideId,
      readLoadReports: settings.loadReports !== undefined,
      movable: this.#idempotent && this.#policy.maxRetries > 0 ? this.#target.movable : undefined,
      call: this,
    })
  }

  classify(result: AttemptResult<T>, instance: ServiceInstance): Judged<T> {
    try {
      const { classify } = this.#options
      const classification = checkedClassification(classify?.(result, instance)) ?? this.#defaultClassification(result)
      if (!result.ok && isTimeout(result.error)) this.#timedOut = new Set(this.#timedOut).add(instance.id)
      return { result, classification }
    } catch (error) {
      // The caller's own code, about the caller's own call: the caller gets the error in place of the value.
      this.callbackFailed('classify', error)
      if (result.ok) this.discard(result.value)
      return { result: { ok: false, error }, classification: { ok: false, blame: 'none', retry: 'never' } }
    }
  }

  #defaultClassification(result: AttemptResult<T>): Classification {
    if (!result.ok) return classifyError(result.error)
    if (!isResponse(result.value)) return { ok: true, retry: 'never' }
    return responseClassification(result.value, this.#target.settings.loadReports !== undefined)
  }

  #isRepeatable({ statusCode, retry }: Classification): boolean {
    const byStatus = this.#policy.statusCodes.has(statusCode ?? 0) ? 'idempotent' : 'never'
    const allowed = retry ?? byStatus
    return allowed === 'always' || (allowed === 'idempotent' && this.#idempotent)
  }

  /** No attempt starts later. */
  get #latestMs(): number {
    const { deadlineMs, startedAtMs } = this.#scope
    return Math.min(deadlineMs, startedAtMs + (this.#options.retryWithinMs ?? Number.POSITIVE_INFINITY))
  }

  /** How long to wait before the next attempt; `undefined` when there is to be none. */
  #retryDelayMs({ attempt, classification }: SettledAttempt<T>): number | undefined {
    const target = this.#target
    const { maxRetries, backoffBaseMs, backoffMaxMs, retryAfterMaxMs } = this.#policy
    if (this.#scope.ended || target.closed || this.#retries >= maxRetries) return undefined
    if (!this.#isRepeatable(classification) || this.#timedOutEverywhere()) return undefined
    const backoffMs = fullJitterBackoffMs(this.#retries + 1, backoffBaseMs, backoffMaxMs, target.random)
    const askedMs = this.#askedToWaitMs(classification)
    const delayMs = Math.max(backoffMs, askedMs)
    if (this.#askedMs + askedMs > retryAfterMaxMs || target.running.now() + delayMs >= this.#latestMs) return undefined
    if (target.feedback.throttle?.shouldReject() === true) return undefined
    // Charged before the wait: retries that are waiting must count against those that would join them.
    if (this.#paidAhead || target.budget === undefined || target.budget.tryWithdraw()) {
      this.#askedMs += askedMs
      return delayMs
    }
    const { service, events } = target
    events.emit({ type: 'retry-budget-exhausted', service, instance: attempt.instance })
    return undefined
  }

  // It is the instance that asks for a pause; another one need not wait for it.
  #askedToWaitMs({ retryAfterMs = 0 }: Classification): number {
    return retryAfterMs > 0 && !this.#target.hasCandidateBeyond(this.#tried()) ? retryAfterMs : 0
  }

  /** Whether only instances are left at which an attempt timed out: to wait as long again is for nothing. */
  #timedOutEverywhere(): boolean {
    return this.#timedOut !== undefined && !this.#target.hasCandidateBeyond(this.#timedOut)
  }

  #giveUp(settled: SettledAttempt<T>, delayMs: number): void {
    this.#paidAhead = false
    settled.attempt.done()
    this.#emitRetry(settled, delayMs)
  }

  #emitRetry({ attempt, result, classification }: SettledAttempt<T>, delayMs: number): void {
    const { events, service } = this.#target
    if (!events.active) return
    const error = result.ok ? `status ${classification.statusCode}` : result.error
    const { instance, number } = attempt
    events.emit({ type: 'retry', service, instance, number, error, delayMs })
  }

  #end({ attempt, result }: SettledAttempt<T>): T {
    if (result.ok) attempt.doneAtEnd()
    else attempt.done()
    if (result.ok) return result.value
    throw result.error
  }

  async #backOff(delayMs: number): Promise<void> {
    const { waiting } = this.#target
    // A listener of the events before may have closed it.
    this.#target.throwIfClosed()
    waiting.add(this.#scope)
    try {
      await this.#scope.sleep(delayMs)
    } finally {
      waiting.delete(this.#scope)
    }
  }

  #tried(): ReadonlySet<string> {
    return new Set(this.#previous.filter((each) => !this.#target.hasMoved(each)).map(({ id }) => id))
  }

  #pickRequest(): AttemptPickRequest | undefined {
    const { hashKey, avoid } = this.#options
    const tried = this.#previous.length === 0 ? undefined : this.#tried()
    const timedOut = this.#timedOut
    if (hashKey === undefined && avoid === undefined && tried === undefined) return undefined
    return {
      ...(hashKey === undefined ? undefined : { hashKey }),
      ...(avoid === undefined ? undefined : { avoid }),
      ...(tried === undefined ? undefined : { tried }),
      ...(timedOut === undefined ? undefined : { timedOut }),
    }
  }

  discard(value: T): void {
    const { discard } = this.#options
    try {
      if (discard === undefined) {
        freeUnreadBody(value)
        return
      }
      const freed: unknown = discard(value)
      Promise.resolve(freed).catch((error: unknown) => this.callbackFailed('discard', error))
    } catch (error) {
      this.callbackFailed('discard', error)
    }
  }

  callbackFailed(callback: ApplicationCallback, error: unknown): void {
    const { events, service } = this.#target
    events.callbackFailed(service, callback, error)
  }
}

function checkedClassification(given: Classification | undefined): Classification | undefined {
  if (given === undefined || typeof given?.ok === 'boolean') return given
  return rejectOption('options.classify()', 'undefined or a Classification with ok (boolean)', given)
}
