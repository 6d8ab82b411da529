import type { PickRequest } from '../balancer/balancer.ts'
import { optionChecker } from '../base/option-table.ts'
import type { Criticality } from '../overload/criticality.ts'
import { executeTable } from './execute-options.ts'
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

const acquireTable = {
  hashKey: executeTable.hashKey,
  avoid: executeTable.avoid,
  match: executeTable.match,
  criticality: executeTable.criticality,
  signal: executeTable.signal,
}

/** @throws InvalidOptionError */
export const checkAcquireRequest: (request: unknown) => void = optionChecker('request', acquireTable)

/** @throws InvalidOptionError */
export function checkSignal(path: string, given: unknown): void {
  executeTable.signal.check(path, given)
}

/**
 * `checkAcquireRequest` for a pick, which costs a few nanoseconds: most say nothing, or a key alone.
 *
 * @throws InvalidOptionError
 */
export function checkPickRequest(request: PickRequest): void {
  const isUsual = typeof request?.hashKey === 'string' && request.avoid === undefined && request.match === undefined
  if (!isUsual) checkAcquireRequest(request)
}
