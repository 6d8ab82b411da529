/**
 * Why an instance was ejected, or would have been:
 * - `consecutive-connect-errors`, `consecutive-server-errors`: so many in a row
 * - `failure-percentage`: too large a part of its requests failed within an interval
 * - `success-rate`: far below the others within an interval
 * - `no-answer`: it leaves requests without an answer
 * - `failed-probe`: it was on probation, and the probe failed
 */
export type EjectionReason =
  | 'consecutive-connect-errors'
  | 'consecutive-server-errors'
  | 'failure-percentage'
  | 'success-rate'
  | 'no-answer'
  | 'failed-probe'

/**
 * Why an instance that earned it was not ejected:
 * - `cap`: as many as `maxEjectionPercent` allows are ejected already
 * - `last-usable`: no other instance could take its requests
 * - `not-enforcing`: `enforce` is false
 */
export type UnenforcedBecause = 'cap' | 'last-usable' | 'not-enforcing'

/** One instance taken out of use, or, when not `enforced`, only said to deserve it. */
export interface Ejection {
  readonly id: string
  readonly reason: EjectionReason
  /** For people: `5 connect errors in a row`. */
  readonly detail: string
  readonly enforced: boolean
  /** Only when not enforced. */
  readonly unenforcedBecause?: UnenforcedBecause | undefined
  /** Milliseconds until the instance may be probed; 0 when not enforced. */
  readonly forMs: number
  /** The multiplier of `baseEjectionMs`: how often it was ejected lately, this time included if enforced. */
  readonly times: number
}

/**
 * How an instance came back:
 * - `probe`: the one request after its ejection succeeded
 * - `active-check`: an active health check passed
 * - `removed-cap`: other instances were removed; for those that are left, too many would be ejected
 */
export type ReturnedBy = 'probe' | 'active-check' | 'removed-cap'

/** Is told of every change, after it was made. Must not throw. */
export interface OutlierListener {
  /** Enforced or not; of those that are not, at most one for each instance and interval. */
  ejected(ejection: Ejection): void
  /** The time is over: exactly one probe may go, see `OutlierTracker.tryProbe`. */
  halfOpen(id: string): void
  returned(id: string, by: ReturnedBy): void
}
