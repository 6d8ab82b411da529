import { appendCause } from '../base/append-cause.ts'
import { fullJitterBackoffMs } from '../base/backoff.ts'
import { LoadBalancerClosedError, NoAvailableInstanceError } from '../base/errors.ts'
import type { MetadataMatch } from '../instance/metadata-match.ts'
import type { RetryPolicy } from '../retry/retry-policy.ts'
import type { CallTarget } from '../service/call-target.ts'
import type { Request } from '../service/request.ts'
import type { SettledAttempt } from './attempt.ts'
import type { CallScope } from './scope.ts'
import { freeUnreadBody } from './unread-body.ts'

/** What decides on the next attempt of a call. */
export interface RepeatedCall<T> {
  readonly target: CallTarget
  readonly scope: CallScope
  readonly policy: RetryPolicy
  /** No attempt starts later. */
  readonly latestMs: number
  /** Retries so far. */
  retries: number
  /** Whether one is left. */
  readonly hasRetry: boolean
  /** Milliseconds that responses asked to wait for, and were. */
  askedMs: number
  /** Whether the next retry was paid for out of the budget already. */
  paidAhead: boolean
  /** Ids of the instances on which an attempt timed out. */
  readonly timedOut: ReadonlySet<string> | undefined
  /** What the metadata of the instance must say. */
  readonly match: MetadataMatch | undefined
  /** Ids of the instances of the attempts so far. */
  tried(): ReadonlySet<string>
  /** Frees what `value` holds. */
  discard(value: T): void
  /** Chooses an instance, and waits for room, or for a list that has one. @throws NoAvailableInstanceError */
  acquireOrWait(): Request | Promise<Request>
  /** Chooses an instance that was not tried yet from a newer list; `undefined`: none has come in time. */
  acquireFromNewerList(): Promise<Request | undefined>
}

/**
 * Waits for the turn of the next attempt after `settled`, if there may be one. `undefined`: there is none, or it finds no place, and what is
 * known of `settled` says more than that.
 */
export async function nextAttempt<T>(call: RepeatedCall<T>, settled: SettledAttempt<T>): Promise<Request | undefined> {
  const { attempt, result } = settled
  const delayMs = retryDelayMs(call, settled)
  if (delayMs === undefined) {
    retryFailed(call, settled)
    if (!mayWaitForList(call, settled)) return undefined
  }
  attempt.done()
  let isLast = false
  try {
    const next = delayMs === undefined ? await fromNewerList(call, settled) : await afterPause(call, settled, delayMs)
    isLast = next === undefined
    return next
  } catch (error) {
    if (call.scope.ended) throw error
    if (error instanceof NoAvailableInstanceError && !result.ok) {
      throw new NoAvailableInstanceError(error.message, { service: call.target.service, cause: result.error })
    }
    if (error instanceof LoadBalancerClosedError && !result.ok) appendCause(result.error, error)
    isLast = true
    return undefined
  } finally {
    if (!isLast && result.ok) call.discard(result.value)
    else if (!isLast && !result.ok) freeUnreadBody(result.error)
  }
}

async function fromNewerList<T>(call: RepeatedCall<T>, settled: SettledAttempt<T>): Promise<Request | undefined> {
  const picked = await call.acquireFromNewerList()
  if (picked !== undefined) emitRetry(call, settled, 0)
  return picked
}

async function afterPause<T>(
  call: RepeatedCall<T>,
  settled: SettledAttempt<T>,
  delayMs: number,
): Promise<Request | undefined> {
  call.paidAhead = false
  emitRetry(call, settled, delayMs)
  await call.target.pause(call.scope, delayMs)
  if (timedOutEverywhere(call)) return undefined
  call.retries++
  return call.acquireOrWait()
}

/** How long to wait before the next attempt after one that is repeatable, which is paid for; `undefined` when there is to be none. */
function retryDelayMs<T>(call: RepeatedCall<T>, { attempt, classification }: SettledAttempt<T>): number | undefined {
  const { target, scope, policy } = call
  const { backoffBaseMs, backoffMaxMs, retryAfterMaxMs } = policy
  if (scope.ended || target.closed || !call.hasRetry || timedOutEverywhere(call)) return undefined
  const backoffMs = fullJitterBackoffMs(call.retries + 1, backoffBaseMs, backoffMaxMs, target.random)
  const { retryAfterMs = 0 } = classification
  // It is the instance that asks for a pause; another one need not wait for it.
  const askedMs = retryAfterMs > 0 && !target.hasCandidateBeyond(call.tried(), call.match) ? retryAfterMs : 0
  const delayMs = Math.max(backoffMs, askedMs)
  if (call.askedMs + askedMs > retryAfterMaxMs || target.running.now() + delayMs >= call.latestMs) return undefined
  if (target.isThrottled(scope.rank)) return undefined
  // Charged before the wait: retries that are waiting must count against those that would join them.
  if (call.paidAhead || target.budget === undefined || target.budget.tryWithdraw()) {
    call.askedMs += askedMs
    return delayMs
  }
  const { service, events } = target
  events.emit({ type: 'retry-budget-exhausted', service, call: scope.call, instance: attempt.instance })
  return undefined
}

/** Whether the call may leave an instance that fell silent for another one, which is then paid for. */
export function mayMoveOn<T>(call: RepeatedCall<T>): boolean {
  const { target } = call
  if (target.closed || !call.hasRetry || target.running.now() >= call.latestMs) return false
  if (!target.hasCandidateBeyond(call.tried(), call.match)) return false
  return call.paidAhead || target.budget === undefined || target.budget.tryWithdraw()
}

/** `settled` is the last attempt for now, and failed: if it is a retry, more than one instance fails. */
export function retryFailed<T>(call: RepeatedCall<T>, { attempt, classification }: SettledAttempt<T>): void {
  const { retries, scope, target } = call
  // A retry that found no place is none.
  const isRetry = retries > 0 && attempt.number > 1
  if (isRetry && classification.blame !== 'none' && !scope.cancelled) target.budget?.failed()
}

/** Nothing was sent, and no retry is left or no instance: the list may be older than what the registry has. */
function mayWaitForList<T>({ policy, scope }: RepeatedCall<T>, settled: SettledAttempt<T>): boolean {
  const { result, classification } = settled
  return !result.ok && classification.retry === 'always' && policy.maxRetries > 0 && !scope.ended
}

/** Whether only instances are left at which an attempt timed out: to wait as long again is for nothing. */
function timedOutEverywhere<T>({ target, timedOut, match }: RepeatedCall<T>): boolean {
  return timedOut !== undefined && !target.hasCandidateBeyond(timedOut, match)
}

/** Emits that the call goes on after `settled`. */
function emitRetry<T>({ target, scope }: RepeatedCall<T>, settled: SettledAttempt<T>, delayMs: number): void {
  const { events, service } = target
  if (!events.active) return
  const { attempt, result, classification } = settled
  const error = result.ok ? `status ${classification.statusCode}` : result.error
  const { instance, number } = attempt
  events.emit({ type: 'retry', service, call: scope.call, instance, number, error, delayMs })
}
