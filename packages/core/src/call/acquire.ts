import type { PickRequest } from '../balancer/balancer.ts'
import { NoAvailableInstanceError } from '../base/errors.ts'
import type { ObservedCall } from '../observe/observed-call.ts'
import type { CallTarget } from '../service/call-target.ts'
import type { Preparation } from '../service/preparation.ts'
import type { Request } from '../service/request.ts'
import { type AbortSignalLike, CallScope } from './scope.ts'

/** What is requested of a pick, and what ends the wait for it. */
export interface AcquireRequest extends PickRequest {
  readonly signal?: AbortSignalLike | undefined
}

/** The request of a caller that gives none. */
export const noAcquireRequest: AcquireRequest = Object.freeze({})

/**
 * Chooses an instance and counts the request, without any wait. `undefined`: no list is known yet, or there is no room,
 * also because other calls wait for it. Only a request that may be sent is counted by the throttle. `call`: its number, for events.
 */
export function tryAcquire(target: CallTarget, request: PickRequest, call: number): Request | undefined {
  if (!target.hasList || !target.hasRoom) return undefined
  target.refuseIfThrottled(call)
  return target.acquire(request)
}

/** Chooses an instance and counts the request. Waits for the first list, for room, and for a newer list if no instance is left. */
export function acquire(target: CallTarget, request: AcquireRequest, observed?: ObservedCall): Promise<Request> {
  // Not an async function: most calls wait for nothing.
  try {
    const acquired = acquireOrWait(target, request, observed)
    if (observed === undefined) return Promise.resolve(acquired)
    if (acquired instanceof Promise) {
      // Before its caller gets it.
      acquired.then(
        (taken) => void observeAcquired(taken, observed),
        (error: unknown) => refused(error, request, observed),
      )
      return acquired
    }
    return Promise.resolve(observeAcquired(acquired, observed))
  } catch (error) {
    refused(error, request, observed)
    return Promise.reject(error)
  }
}

/** The request is a call of one attempt, whose end is that of both. */
export function observeAcquired(request: Request, observed: ObservedCall | undefined): Request {
  if (observed === undefined) return request
  request.observed = observed.startAttempt(request.instance, 'first')
  observed.decidedBy(request.observed)
  return request
}

function refused(error: unknown, { signal }: AcquireRequest, observed: ObservedCall | undefined): void {
  observed?.threw(error, signal?.aborted === true && error === signal.reason)
}

function acquireOrWait(
  target: CallTarget,
  request: AcquireRequest,
  observed: ObservedCall | undefined,
): Request | Promise<Request> {
  if (request.signal?.aborted === true) throw request.signal.reason
  if (!target.hasList) return acquireAfter('first-list', target, request, observed)
  const preparation = target.prepare?.()
  if (preparation !== undefined) return acquireAfter(preparation, target, request, observed)
  try {
    return tryAcquire(target, request, observed?.call ?? 0) ?? acquireAfter('room', target, request, observed)
  } catch (error) {
    if (error instanceof NoAvailableInstanceError) return acquireAfter(error, target, request, observed)
    throw error
  }
}

/** `lacking`: what there is not yet, what is to be waited for, or the error that is thrown unless a newer list comes. */
async function acquireAfter(
  lacking: 'first-list' | 'room' | Preparation | NoAvailableInstanceError,
  target: CallTarget,
  request: AcquireRequest,
  observed: ObservedCall | undefined,
): Promise<Request> {
  const { service, running: clock } = target
  const take = (): Request | undefined => target.acquire(request)
  target.callBegan()
  const scope = new CallScope({ clock, service, signal: request.signal, timeoutMs: Number.POSITIVE_INFINITY })
  scope.observed = observed
  try {
    if (lacking instanceof NoAvailableInstanceError) throw lacking
    if (lacking !== 'room') {
      await (lacking === 'first-list' ? target.firstList(scope) : lacking(scope))
      target.refuseIfThrottled(scope.call)
      const taken = target.hasRoom ? take() : undefined
      if (taken !== undefined) return taken
    }
    return target.unlessClosed(await target.whenRoom(scope, take, request.match))
  } catch (error) {
    if (!(error instanceof NoAvailableInstanceError)) throw error
    const bounds = { version: target.listVersion, untilMs: Number.POSITIVE_INFINITY, match: request.match }
    const taken = await target.fromNewerList(scope, bounds, take)
    if (taken === undefined) throw error
    return target.unlessClosed(taken)
  } finally {
    scope.release()
    target.callEnded()
  }
}
