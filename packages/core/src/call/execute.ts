import { appendCause } from '../base/append-cause.ts'
import { type DeadlineExceededError, LoadBalancerClosedError, NoAvailableInstanceError } from '../base/errors.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import type { MetadataMatch } from '../instance/metadata-match.ts'
import type { AttemptInfo } from '../observe/call-observer.ts'
import { type RetryPolicy, retryPolicy } from '../retry/retry-policy.ts'
import type { CallTarget } from '../service/call-target.ts'
import type { AttemptPickRequest } from '../service/picker.ts'
import type { Request } from '../service/request.ts'
import { Attempt, type AttemptedCall, type SettledAttempt } from './attempt.ts'
import type { AttemptFunction } from './attempt-context.ts'
import { type AccompaniedCall, Companions } from './companions.ts'
import type { ExecuteOptions } from './execute-options.ts'
import { JudgedCall } from './judged-call.ts'
import { attemptPickRequest } from './pick-request.ts'
import {
  emitRetry,
  mayMoveOn,
  mayWaitForList,
  type RetriedCall,
  retryDelayMs,
  timedOutEverywhere,
} from './retry-delay.ts'
import type { CallScope } from './scope.ts'
import { freeUnreadBody } from './unread-body.ts'

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

/** One call: its state, and the loop of its attempts. */
class Call<T> extends JudgedCall<T> implements AttemptedCall<T>, AccompaniedCall<T>, RetriedCall {
  readonly target: CallTarget
  readonly scope: CallScope
  readonly start: AttemptFunction<T>
  protected readonly options: ExecuteOptions<T>
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
  /** Of the list that the last attempt was picked from. */
  #listVersion = 0

  constructor(target: CallTarget, start: AttemptFunction<T>, options: ExecuteOptions<T>, scope: CallScope) {
    super()
    const { retry } = target.settings
    this.target = target
    this.scope = scope
    this.start = start
    this.options = options
    this.policy = options.retry === undefined ? retry : retryPolicy(options.retry, retry)
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
      const picked = this.#acquireOrWait()
      // An await costs a turn, which the usual first attempt does without, and then it begins when its call does.
      let settled = await (picked instanceof Promise
        ? this.#round(target.unlessClosed(await picked))
        : this.#round(picked, waits ? undefined : scope.startedAtMs))
      while (this.isRepeatable(settled)) {
        const delayMs = retryDelayMs(this, settled)
        if (delayMs === undefined && !mayWaitForList(this, settled)) break
        const next = await this.#next(settled, delayMs)
        if (next === undefined) break
        settled = await this.#round(target.unlessClosed(next))
      }
      const { attempt, result } = settled
      attempt.decide(result.ok)
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
    if (this.retries === 0) target.budget?.deposit()
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

  /**
   * Waits for the turn of the next attempt after `settled`. `undefined`: it finds no place, and what is known of `settled` says more
   * than that.
   */
  async #next(settled: SettledAttempt<T>, delayMs: number | undefined): Promise<Request | undefined> {
    const { attempt, result } = settled
    let isLast = false
    if (delayMs !== undefined) {
      this.paidAhead = false
      attempt.done()
      emitRetry(this, settled, delayMs)
    }
    try {
      if (delayMs === undefined) {
        attempt.done()
        const picked = await this.#acquireFromNewerList()
        isLast = picked === undefined
        if (picked !== undefined) emitRetry(this, settled, 0)
        return picked
      }
      await this.target.pause(this.scope, delayMs)
      isLast = timedOutEverywhere(this)
      if (isLast) return undefined
      this.retries++
      return await this.#acquireOrWait()
    } catch (error) {
      if (this.scope.ended) throw error
      if (error instanceof NoAvailableInstanceError && !result.ok) {
        throw new NoAvailableInstanceError(error.message, { service: this.target.service, cause: result.error })
      }
      if (error instanceof LoadBalancerClosedError && !result.ok) appendCause(result.error, error)
      isLast = true
      return undefined
    } finally {
      if (!isLast && result.ok) this.discard(result.value)
      else if (!isLast && !result.ok) freeUnreadBody(result.error)
    }
  }

  #acquireOrWait(): Request | Promise<Request> {
    try {
      return this.#acquire()
    } catch (error) {
      if (!(error instanceof NoAvailableInstanceError)) throw error
      this.#listVersion = this.target.listVersion
      return this.#acquireFromNewerList().then((picked) => {
        if (picked === undefined) throw error
        return picked
      })
    }
  }

  /** Begins anew with an instance that was not tried yet, once the list has one: nothing was sent so far. */
  #acquireFromNewerList(): Promise<Request | undefined> {
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
      readLoadReports: settings.loadReports !== undefined,
      movable: this.#idempotent && this.policy.maxRetries > 0 ? this.target.movable : undefined,
      call: this,
    })
  }

  /** No attempt starts later. */
  get latestMs(): number {
    const { deadlineMs, startedAtMs } = this.scope
    return Math.min(deadlineMs, startedAtMs + (this.options.retryWithinMs ?? Number.POSITIVE_INFINITY))
  }

  /** What the metadata of the instance must say. */
  get match(): MetadataMatch | undefined {
    return this.options.match
  }

  tried(): ReadonlySet<string> {
    return new Set(this.#previous.filter((each) => !this.target.hasMoved(each)).map(({ id }) => id))
  }

  pickRequest(): AttemptPickRequest | undefined {
    return attemptPickRequest(this.options, this.#previous.length === 0 ? undefined : this.tried(), this.timedOut)
  }
}
