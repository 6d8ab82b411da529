import { type DeadlineExceededError, NoAvailableInstanceError } from '../base/errors.ts'
import { rejectOption } from '../base/option-checks.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import type { MetadataMatch } from '../instance/metadata-match.ts'
import type { AttemptInfo } from '../observe/call-observer.ts'
import type { ApplicationCallback } from '../observe/events.ts'
import { type AttemptResult, type Classification, classifyError } from '../retry/classification.ts'
import { isTimeout } from '../retry/error-verdict.ts'
import { type RetryPolicy, retryPolicyOfCall } from '../retry/retry-policy.ts'
import type { CallTarget } from '../service/call-target.ts'
import type { AttemptPickRequest } from '../service/picker.ts'
import type { Request } from '../service/request.ts'
import { Attempt, type AttemptedCall, type SettledAttempt } from './attempt.ts'
import type { AttemptFunction } from './attempt-context.ts'
import type { Judged } from './attempt-outcome.ts'
import { type AccompaniedCall, Companions } from './companions.ts'
import type { ExecuteOptions } from './execute-options.ts'
import { mayMoveOn, nextAttempt, type RepeatedCall, retryFailed } from './next-attempt.ts'
import { attemptPickRequest } from './pick-request.ts'
import { isResponse, responseClassification } from './response.ts'
import type { CallScope } from './scope.ts'
import { discardValue } from './unread-body.ts'

/**
 * Waits for the first list, picks, runs, classifies and maybe retries on an instance not tried yet, within `scope` (which it releases)
 * and the limits of the service.
 */
export function execute<T>(
  target: CallTarget,
  start: AttemptFunction<T>,
  options: ExecuteOptions<T>,
  scope: CallScope,
): Promise<T> {
  return new Call(target, start, options, scope).run()
}

/** Shared, as most calls have one attempt. */
const none: readonly ServiceInstance[] = Object.freeze([])

/** How an attempt ended that gave anything but a response or an error. */
const succeeded: Classification = Object.freeze({ ok: true, retry: 'never' })

/** One call: its state, the loop of its attempts, and what their results mean. */
class Call<T> implements AttemptedCall<T>, AccompaniedCall<T>, RepeatedCall<T> {
  readonly target: CallTarget
  readonly scope: CallScope
  readonly start: AttemptFunction<T>
  readonly #options: ExecuteOptions<T>
  readonly policy: RetryPolicy
  readonly #idempotent: boolean
  /** The instances of the attempts so far. */
  #previous: readonly ServiceInstance[] = none
  retries = 0
  askedMs = 0
  /** The attempts under way, where there may be several beside each other. */
  #companions: Companions<T> | undefined
  /** Whether the next retry was paid for out of the budget already. */
  paidAhead = false
  /** Ids of the instances that did not answer in time. */
  timedOut: ReadonlySet<string> | undefined
  /** Of the list that the last attempt was picked from. */
  #listVersion = 0

  constructor(target: CallTarget, start: AttemptFunction<T>, options: ExecuteOptions<T>, scope: CallScope) {
    const { retry } = target.settings
    this.target = target
    this.scope = scope
    this.start = start
    this.#options = options
    this.policy = options.retry === undefined ? retry : retryPolicyOfCall(options.retry, retry)
    this.#idempotent = options.idempotent === true
  }

  async run(): Promise<T> {
    const { target, scope } = this
    target.callBegan()
    try {
      if (scope.ended) scope.throwIfEnded()
      const waits = !target.hasList
      if (waits) await target.firstList(scope)
      const preparation = target.prepare?.()
      if (preparation !== undefined) await preparation(scope)
      target.refuseIfThrottled(scope.observed?.call ?? 0, scope.rank)
      const picked = this.acquireOrWait()
      // An await costs a turn, which the usual first attempt does without, and then it begins when its call does.
      let settled = await (picked instanceof Promise
        ? this.#round(target.unlessClosed(await picked))
        : this.#round(picked, waits ? undefined : scope.startedAtMs))
      while (this.isRepeatable(settled)) {
        const next = await nextAttempt(this, settled)
        if (next === undefined) break
        settled = await this.#round(target.unlessClosed(next))
      }
      const { attempt, result, classification } = settled
      attempt.decide(result.ok)
      if (!classification.ok) {
        if (this.retries > 0) retryFailed(this, settled)
      } else if (target.budget !== undefined) target.budget.successes++
      if (result.ok) return result.value
      throw result.error
    } catch (error) {
      scope.observed?.threw(error, scope.cancelled)
      throw error
    } finally {
      target.callEnded()
      if (!scope.kept) scope.release()
    }
  }

  /** One attempt, or several beside each other. */
  #round(request: Request, startedAtMs?: number): Promise<SettledAttempt<T>> {
    const { target, scope } = this
    this.#companions = undefined
    // Only for a request that is sent: calls that are refused here must not pay for retries.
    if (this.retries === 0) target.budget?.deposit(1, startedAtMs)
    const first = this.#newAttempt(request, this.#previous.length === 0 ? 'first' : 'retry', undefined, startedAtMs)
    if (target.settings.hedge === undefined || !this.#idempotent || this.retries > 0) {
      if (scope.ended) scope.interrupts(first)
      else scope.atWork = first
      return first.run(this.start)
    }
    this.#companions = new Companions(this)
    return this.#companions.hedge(first, target.settings.hedge)
  }

  get hasRetry(): boolean {
    return this.retries < this.policy.maxRetries
  }

  canMove(attempt: Attempt<T>): boolean {
    return this.hasRetry && this.#companions?.isLatest(attempt) !== false
  }

  isAccompanied(attempt: Attempt<T>): boolean {
    return this.#companions?.isAccompanied(attempt) === true
  }

  trySecond(attempt: Attempt<T>, error: DeadlineExceededError): boolean {
    if (this.scope.ended || !this.canMove(attempt)) return false
    this.#companions ??= new Companions(this)
    return this.#companions.trySecond(attempt, error)
  }

  /** Leaves an instance that fell silent, if there is a retry for it. */
  moveOn(attempt: Attempt<T>, error: DeadlineExceededError): void {
    if (this.#companions?.leave(attempt, error) === true || !mayMoveOn(this)) return
    this.paidAhead = true
    attempt.interrupt(error)
  }

  // Synchronous while there is room: the first attempt starts within the caller's own turn.
  #acquire(): Request | Promise<Request> {
    const target = this.target
    const request = this.pickRequest()
    // A request that can be repeated elsewhere may try whether an ejected instance is back.
    const harmless = this.#idempotent ? 'always' : 'refused'
    const mayProbe = this.retries > 0 || this.policy.maxRetries === 0 ? 'never' : harmless
    this.#listVersion = target.listVersion
    return (
      target.acquire(request, mayProbe, this.scope.rank) ??
      target.whenRoom(
        this.scope,
        () => {
          this.#listVersion = target.listVersion
          return target.acquire(request, mayProbe, this.scope.rank)
        },
        this.match,
      )
    )
  }

  acquireOrWait(): Request | Promise<Request> {
    try {
      return this.#acquire()
    } catch (error) {
      if (!(error instanceof NoAvailableInstanceError)) throw error
      this.#listVersion = this.target.listVersion
      return this.acquireFromNewerList().then((picked) => {
        if (picked === undefined) throw error
        return picked
      })
    }
  }

  /** Begins anew with an instance that was not tried yet, once the list has one: nothing was sent so far. */
  acquireFromNewerList(): Promise<Request | undefined> {
    const { target } = this
    // At its deadline a call gets no result; before that, the one it has.
    const bounds = { version: this.#listVersion, untilMs: this.latestMs - 1, match: this.match }
    return target.fromNewerList(this.scope, bounds, () => {
      if (!target.hasCandidateBeyond(this.tried(), this.match)) return undefined
      this.retries = 0
      return this.#acquire()
    })
  }

  newAttempt(request: Request, besideId?: string): Attempt<T> {
    this.#listVersion = this.target.listVersion
    return this.#newAttempt(request, besideId === undefined ? 'hedge' : 'retry', besideId)
  }

  #newAttempt(request: Request, kind: AttemptInfo['kind'], besideId?: string, startedAtMs?: number): Attempt<T> {
    const { service, settings, running } = this.target
    const previous = this.#previous
    request.observed = this.scope.observed?.startAttempt(request.instance, kind)
    this.#previous = previous.length === 0 ? [request.instance] : [...previous, request.instance]
    return new Attempt<T>({
      service,
      clock: running,
      scope: this.scope,
      number: this.#previous.length,
      previous,
      picked: request,
      timeoutMs: this.policy.attemptTimeoutMs,
      secondTryAfterMs: this.policy.secondTryAfterMs,
      besideId,
      startedAtMs,
      loadReports: settings.loadReports,
      movable: this.#idempotent && this.policy.maxRetries > 0 ? this.target.movable : undefined,
      call: this,
    })
  }

  /** No attempt starts later. */
  get latestMs(): number {
    const { deadlineMs, startedAtMs } = this.scope
    return Math.min(deadlineMs, startedAtMs + (this.#options.retryWithinMs ?? Number.POSITIVE_INFINITY))
  }

  /** What the metadata of the instance must say. */
  get match(): MetadataMatch | undefined {
    return this.#options.match
  }

  tried(): ReadonlySet<string> {
    return new Set(this.#previous.filter((each) => !this.target.hasMoved(each)).map(({ id }) => id))
  }

  pickRequest(): AttemptPickRequest | undefined {
    const options = this.#options
    if (this.#previous.length > 0) return attemptPickRequest(options, this.tried(), this.timedOut)
    const saysNothing = options.hashKey === undefined && options.avoid === undefined && options.match === undefined
    return saysNothing ? undefined : attemptPickRequest(options)
  }

  classify(result: AttemptResult<T>, instance: ServiceInstance): Judged<T> {
    try {
      const classification = this.#classificationOf(result, instance)
      if (!result.ok && isTimeout(result.error)) this.timedOut = new Set(this.timedOut).add(instance.id)
      return { result, classification }
    } catch (error) {
      this.callbackFailed('classify', error)
      if (result.ok) this.discard(result.value)
      return { result: { ok: false, error }, classification: { ok: false, blame: 'none', retry: 'never' } }
    }
  }

  isRepeatable({ classification: { statusCode, retry } }: Judged<T>): boolean {
    const allowed = retry ?? (this.policy.statusCodes.has(statusCode ?? 0) ? 'idempotent' : 'never')
    return allowed === 'always' || (allowed === 'idempotent' && this.#options.idempotent === true)
  }

  discard(value: T): void {
    discardValue(value, this.#options.discard, (error) => this.callbackFailed('discard', error))
  }

  callbackFailed(callback: ApplicationCallback, error: unknown): void {
    this.target.events.callbackFailed(this.target.service, callback, error, this.scope.observed?.call)
  }

  /** By its caller's own `classify`, if that says so. @throws InvalidOptionError; what `classify` throws */
  #classificationOf(result: AttemptResult<T>, instance: ServiceInstance): Classification {
    const { classify } = this.#options
    const given = classify === undefined ? undefined : classify(result, instance)
    if (given !== undefined) return checkedClassification(given)
    if (!result.ok) return classifyError(result.error)
    const { value } = result
    if (typeof value !== 'object' || !isResponse(value)) return succeeded
    return responseClassification(value, this.target.settings.loadReports !== undefined)
  }
}

function checkedClassification(given: Classification): Classification {
  if (typeof given?.ok === 'boolean') return given
  return rejectOption('options.classify()', 'undefined or a Classification with ok (boolean)', given)
}
