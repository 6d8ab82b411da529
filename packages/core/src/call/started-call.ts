import { NoAvailableInstanceError } from '../base/errors.ts'
import { booleanOption, optionChecker } from '../base/option-table.ts'
import { checkedOutcome } from '../instance/checked-outcome.ts'
import type { Outcome } from '../instance/outcome.ts'
import type { AttemptInfo } from '../observe/call-observer.ts'
import type { ObservedCall } from '../observe/observed-call.ts'
import type { CallTarget } from '../service/call-target.ts'
import type { PickResult, Request } from '../service/request.ts'
import { acquireOrWait, firstList, tryAcquire } from './acquire.ts'
import {
  type AcquireRequest,
  checkAcquireRequest,
  noAcquireRequest,
  type TryAcquireRequest,
} from './acquire-request.ts'
import type { AbortSignalLike } from './scope.ts'

/**
 * A call whose attempts its adapter makes itself, because its transport repeats calls. Each instance that it acquires is an attempt: the
 * first one, or, if `kind` says nothing else, a retry.
 */
export interface StartedCall {
  /** Whether outcomes should have the load reports of instances: without `loadReports`, nothing reads them. */
  readonly readsLoadReports: boolean
  /** As `LoadBalancer.tryAcquire`. @throws also NoAvailableInstanceError after `end` */
  tryAcquire(request?: TryAcquireRequest, kind?: AttemptInfo['kind']): PickResult | undefined
  /** As `LoadBalancer.acquire`. @throws also NoAvailableInstanceError once `end` was called, before or while it waits */
  acquire(request?: AcquireRequest, kind?: AttemptInfo['kind']): Promise<PickResult>
  /** As `LoadBalancer.ready`. */
  ready(signal?: AbortSignalLike): Promise<void>
  /**
   * Reports its result, even if attempts of it are still in flight. Call it exactly once on every path; further calls are ignored.
   * No attempt begins any more.
   *
   * @throws InvalidOptionError
   */
  end(outcome: Outcome): void
}

const checkCall = optionChecker('call', { idempotent: booleanOption(false) })

/** What an adapter says of a call that it begins. @throws InvalidOptionError */
export function checkedCall<Given>(given: Given): Given {
  checkCall(given)
  return given
}

/** Of a request that was counted but not sent. */
const unsent: Outcome = Object.freeze({ ok: false, latencyMs: 0, cancelled: true, blame: 'none' })

/** A call of a service, as `LoadBalancer.startCall` gives it. */
export class AdapterCall implements StartedCall {
  readonly #target: CallTarget
  readonly #observed: ObservedCall | undefined
  #ended = false

  constructor(target: CallTarget, observed: ObservedCall | undefined) {
    this.#target = target
    this.#observed = observed
    target.callBegan()
  }

  get readsLoadReports(): boolean {
    return this.#target.settings.loadReports !== undefined
  }

  tryAcquire(request: TryAcquireRequest = noAcquireRequest, kind?: AttemptInfo['kind']): Request | undefined {
    this.#throwIfEnded()
    const acquired = tryAcquire(this.#target, request, this.#observed?.call ?? 0)
    return acquired && this.#attempt(acquired, kind)
  }

  async acquire(request: AcquireRequest = noAcquireRequest, kind?: AttemptInfo['kind']): Promise<Request> {
    this.#throwIfEnded()
    checkAcquireRequest(request)
    const acquired = await acquireOrWait(this.#target, request, this.#observed)
    if (this.#ended) acquired.end(unsent)
    this.#throwIfEnded()
    return this.#attempt(acquired, kind)
  }

  ready(signal?: AbortSignalLike): Promise<void> {
    return firstList(this.#target, signal, this.#observed)
  }

  end(outcome: Outcome): void {
    if (this.#ended) return
    checkedOutcome('StartedCall.end.outcome', outcome)
    this.#ended = true
    this.#observed?.ended(outcome)
    this.#target.callEnded()
  }

  #throwIfEnded(): void {
    if (!this.#ended) return
    const { service } = this.#target
    throw new NoAvailableInstanceError(
      `${service}: this call has ended and gets no instance. Begin another one with startCall`,
    )
  }

  #attempt(acquired: Request, kind: AttemptInfo['kind'] = 'retry'): Request {
    const observed = this.#observed
    if (observed !== undefined) {
      acquired.observed = observed.startAttempt(acquired.instance, observed.attempts === 0 ? 'first' : kind)
    }
    return acquired
  }
}
