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

/** Chooses an instance and counts the request. Waits for the first list, for room, and for a newer list if no instance is left. */
export async function acquire(target: CallTarget, request: AcquireRequest): Promise<Request> {
  const { signal } = request
  if (signal?.aborted === true) throw signal.reason
  let scope: CallScope | undefined
  try {
    if (!target.hasList) {
      scope = waitingScope(target, signal)
      await target.firstList(scope)
    }
    target.refuseIfThrottled()
    const taken = target.acquire(request)
    if (taken !== undefined) return taken
    scope ??= waitingScope(target, signal)
    return target.unlessClosed(await target.whenRoom(scope, () => target.acquire(request)))
  } catch (error) {
    if (!(error instanceof NoAvailableInstanceError)) throw error
    scope ??= waitingScope(target, signal)
    const bounds = { version: target.listVersion, untilMs: Number.POSITIVE_INFINITY }
    const taken = await target.fromNewerList(scope, bounds, () => target.acquire(request))
    if (taken === undefined) throw error
    return target.unlessClosed(taken)
  } finally {
    if (scope !== undefined) {
      scope.release()
      target.callEnded()
    }
  }
}

function waitingScope(target: CallTarget, signal: AbortSignalLike | undefined): CallScope {
  target.callBegan()
  return new CallScope({ clock: target.running, service: target.service, signal, timeoutMs: Number.POSITIVE_INFINITY })
}
