import { fullJitterBackoffMs } from '../base/backoff.ts'
import type { MetadataMatch } from '../instance/metadata-match.ts'
import type { RetryPolicy } from '../retry/retry-policy.ts'
import type { CallTarget } from '../service/call-target.ts'
import type { SettledAttempt } from './attempt.ts'
import type { CallScope } from './scope.ts'

/** What decides on the next attempt of a call. */
export interface RetriedCall {
  readonly target: CallTarget
  readonly scope: CallScope
  readonly policy: RetryPolicy
  /** No attempt starts later. */
  readonly latestMs: number
  /** Retries so far. */
  readonly retries: number
  /** Whether one is left. */
  readonly hasRetry: boolean
  /** Milliseconds that responses asked to wait for, and were. */
  askedMs: number
  /** Whether the next retry was paid for out of the budget already. */
  readonly paidAhead: boolean
  /** Ids of the instances on which an attempt timed out. */
  readonly timedOut: ReadonlySet<string> | undefined
  /** What the metadata of the instance must say. */
  readonly match: MetadataMatch | undefined
  /** Ids of the instances of the attempts so far. */
  tried(): ReadonlySet<string>
}

/** How long to wait before the next attempt after one that is repeatable, which is paid for; `undefined` when there is to be none. */
export function retryDelayMs<T>(call: RetriedCall, { attempt, classification }: SettledAttempt<T>): number | undefined {
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
export function mayMoveOn(call: RetriedCall): boolean {
  const { target } = call
  if (target.closed || !call.hasRetry || target.running.now() >= call.latestMs) return false
  if (!target.hasCandidateBeyond(call.tried(), call.match)) return false
  return call.paidAhead || target.budget === undefined || target.budget.tryWithdraw()
}

/** Nothing was sent, and no retry is left or no instance: the list may be older than what the registry has. */
export function mayWaitForList<T>({ policy, scope }: RetriedCall, settled: SettledAttempt<T>): boolean {
  const { result, classification } = settled
  return !result.ok && classification.retry === 'always' && policy.maxRetries > 0 && !scope.ended
}

/** Whether only instances are left at which an attempt timed out: to wait as long again is for nothing. */
export function timedOutEverywhere({ target, timedOut, match }: RetriedCall): boolean {
  return timedOut !== undefined && !target.hasCandidateBeyond(timedOut, match)
}

/** Emits that the call goes on after `settled`. */
export function emitRetry<T>({ target, scope }: RetriedCall, settled: SettledAttempt<T>, delayMs: number): void {
  const { events, service } = target
  if (!events.active) return
  const { attempt, result, classification } = settled
  const error = result.ok ? `status ${classification.statusCode}` : result.error
  const { instance, number } = attempt
  events.emit({ type: 'retry', service, call: scope.call, instance, number, error, delayMs })
}
