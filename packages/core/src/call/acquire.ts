import type { PickRequest } from '../balancer/balancer.ts'
import { NoAvailableInstanceError } from '../base/errors.ts'
import type { CallTarget } from '../service/call-target.ts'
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
 * also because other calls wait for it. Only a request that may be sent is counted by the throttle.
 */
export function tryAcquire(target: CallTarget, request: PickRequest): Request | undefined {
  if (!target.hasList || !target.hasRoom) return undefined
  target.refuseIfThrottled()
  return target.acquire(request)
}

/** Chooses an instance and counts the request. Waits for the first list, for room, and for a newer list if no instance is left. */
export function acquire(target: CallTarget, request: AcquireRequest): Promise<Request> {
  // Not an async function: most calls wait for nothing.
  const { signal } = request
  if (signal?.aborted === true) return Promise.reject(signal.reason)
  if (!target.hasList) return acquireAfter('first-list', target, request)
  try {
    const taken = tryAcquire(target, request)
    return taken === undefined ? acquireAfter('room', target, request) : Promise.resolve(taken)
  } catch (error) {
    return error instanceof NoAvailableInstanceError ? acquireAfter(error, target, request) : Promise.reject(error)
  }
}

/** `lacking`: what there is not yet, or the error that is thrown unless a newer list comes. */
async function acquireAfter(
  lacking: 'first-list' | 'room' | NoAvailableInstanceError,
  target: CallTarget,
  request: AcquireRequest,
): Promise<Request> {
  const { service, running: clock } = target
  const take = (): Request | undefined => target.acquire(request)
  target.callBegan()
  const scope = new CallScope({ clock, service, signal: request.signal, timeoutMs: Number.POSITIVE_INFINITY })
  try {
    if (lacking instanceof NoAvailableInstanceError) throw lacking
    if (lacking === 'first-list') {
      await target.firstList(scope)
      target.refuseIfThrottled()
      const taken = take()
      if (taken !== undefined) return taken
    }
    return target.unlessClosed(await target.whenRoom(scope, take))
  } catch (error) {
    if (!(error instanceof NoAvailableInstanceError)) throw error
    const bounds = { version: target.listVersion, untilMs: Number.POSITIVE_INFINITY }
    const taken = await target.fromNewerList(scope, bounds, take)
    if (taken === undefined) throw error
    return target.unlessClosed(taken)
  } finally {
    scope.release()
    target.callEnded()
  }
}
