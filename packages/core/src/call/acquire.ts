import { NoAvailableInstanceError } from '../base/errors.ts'
import type { ObservedCall } from '../observe/observed-call.ts'
import { rankOf } from '../overload/criticality.ts'
import type { CallTarget } from '../service/call-target.ts'
import type { Preparation } from '../service/preparation.ts'
import type { Request } from '../service/request.ts'
import { type AcquireRequest, checkAcquireRequest, checkSignal, type TryAcquireRequest } from './acquire-request.ts'
import { type AbortSignalLike, CallScope } from './scope.ts'

/**
 * Chooses an instance and counts the request, without any wait. `undefined`: no list is known yet, or there is no room,
 * also because other calls wait for it. Only a request that may be sent is counted by the throttle. `call`: its number, for events.
 */
export function tryAcquire(target: CallTarget, request: TryAcquireRequest, call: number): Request | undefined {
  checkAcquireRequest(request)
  const rank = rankOf(request.criticality)
  if (!target.hasList || !target.room.hasRoomAtOnce(rank)) return undefined
  target.refuseIfThrottled(call, rank)
  return target.acquire(request, 'always', rank)
}

/** The same for a call that may wait: what there is of room is its own. */
function acquireAtOnce(target: CallTarget, request: AcquireRequest, call: number): Request | undefined {
  if (!target.room.hasRoom) return undefined
  const rank = rankOf(request.criticality)
  target.refuseIfThrottled(call, rank)
  return target.acquire(request, 'always', rank)
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

/** Waits until the first list is known. */
export async function firstList(
  target: CallTarget,
  signal: AbortSignalLike | undefined,
  observed?: ObservedCall,
): Promise<void> {
  checkSignal('options.signal', signal)
  const scope = new CallScope({ clock: target.running, service: target.service, signal })
  scope.observed = observed
  try {
    scope.throwIfEnded()
    await target.firstList(scope)
  } finally {
    scope.release()
  }
}

/** As `acquire`, but nothing is said of it to what observes the call. */
export function acquireOrWait(
  target: CallTarget,
  request: AcquireRequest,
  observed: ObservedCall | undefined,
): Request | Promise<Request> {
  if (request.signal?.aborted === true) throw request.signal.reason
  if (!target.hasList) return acquireAfter('first-list', target, request, observed)
  const preparation = target.prepare?.()
  if (preparation !== undefined) return acquireAfter(preparation, target, request, observed)
  try {
    return acquireAtOnce(target, request, observed?.call ?? 0) ?? acquireAfter('room', target, request, observed)
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
  const rank = rankOf(request.criticality)
  const take = (): Request | undefined => target.acquire(request, 'always', rank)
  target.callBegan()
  const scope = new CallScope({ clock, service, signal: request.signal, rank })
  scope.observed = observed
  try {
    if (lacking instanceof NoAvailableInstanceError) throw lacking
    if (lacking !== 'room') {
      await (lacking === 'first-list' ? target.firstList(scope) : lacking(scope))
      target.refuseIfThrottled(scope.call, rank)
      const taken = target.room.hasRoom ? take() : undefined
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
