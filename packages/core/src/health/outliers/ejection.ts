/**
 * Why an instance was, or would have been, ejected:
 * - `consecutive-connect-errors`, `consecutive-server-errors`: too many in a row
 * - `failure-percentage`: too large a part of its requests failed within an interval
 * - `success-rate`: far below the others within an interval
 * - `no-answer`: it does not respond to requests
 * - `failed-probe`: the probe after an ejection failed
 */
export type EjectionReason =
  | 'consecutive-connect-errors'
  | 'consecutive-server-errors'
  | 'failure-percentage'
  | 'success-rate'
  | 'no-answer'
  | 'failed-probe'

/**
 * Why an instance that qualified was not ejected:
 * - `cap`: the maximum of `maxEjectionPercent` is already ejected
 * - `last-usable`: no other instance could take its requests
 * - `not-enforcing`: `enforce` is false
 */
export type UnenforcedBecause = 'cap' | 'last-usable' | 'not-enforcing'

/** The ejection of one instance. If it is not `enforced`, it was only reported. */
export interface Ejection {
  /** The id of the instance. */
  readonly id: string
  /** Which detector caused it. */
  readonly reason: EjectionReason
  /** The reason for people: `5 connect errors in a row`. */
  readonly detail: string
  /** Whether the instance was really ejected. */
  readonly enforced: boolean
  /** Why it was not ejected; only if not enforced. */
  readonly unenforcedBecause?: UnenforcedBecause | undefined
  /** Milliseconds until the instance may be probed; 0 if not enforced. */
  readonly forMs: number
  /** The multiplier of `baseEjectionMs`: the number of recent ejections, including this one if enforced. */
  readonly times: number
}

/**
 * How an instance returned:
 * - `probe`: the one request after its ejection succeeded
 * - `active-check`: an active health check passed
 * - `removed-cap`: other instances were removed, and too many of the remaining ones would be ejected
 * - `control`: someone ended its ejection at run time
 */
export type ReturnedBy = 'probe' | 'active-check' | 'removed-cap' | 'control'

/** Receives every change, after it was made. Must not throw. */
export interface OutlierListener {
  /** An ejection, enforced or not. Unenforced ones are reported at most once for each instance and interval. */
  ejected(ejection: Ejection): void
  /** The time is over: exactly one probe may be sent, see `OutlierTracker.tryProbe`. */
  halfOpen(id: string): void
  /** The instance is back in use. */
  returned(id: string, by: ReturnedBy): void
}
