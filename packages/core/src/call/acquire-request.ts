import type { PickRequest } from '../balancer/balancer.ts'
import type { Criticality } from '../overload/criticality.ts'
import type { AbortSignalLike } from './scope.ts'

/** What is requested of a pick that counts in flight. */
export interface TryAcquireRequest extends PickRequest {
  /** What the call is worth if the service is overloaded: the lowest class is refused first. @default 'default' */
  readonly criticality?: Criticality | undefined
}

/** The same, and what ends the wait for it. */
export interface AcquireRequest extends TryAcquireRequest {
  /** Ends the wait with the signal's reason. */
  readonly signal?: AbortSignalLike | undefined
}

/** The request of a caller that gives none. */
export const noAcquireRequest: AcquireRequest = Object.freeze({})
