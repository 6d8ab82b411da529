import type { CancelTimer } from '../../base/clock.ts'
import type { Ejection } from './ejection.ts'

/** In use: what was counted since it came in. */
export interface InUse {
  readonly kind: 'in'
  requests: number
  failures: number
  connectRun: number
  serverRun: number
  /** Whether the run of connect errors is one of answers that broke off after their heads: no head ends it then. */
  breaking: boolean
  // Undefined until needed: a number with a fraction costs memory of its own.
  connectErrorMs: number | undefined
  serverErrorMs: number | undefined
}

/** Out of use, or waiting for the end of the one probe that is out. */
export interface OutOfUse {
  readonly kind: 'ejected' | 'half-open'
  readonly ejection: Ejection
  /** When it went out, whatever probes failed since. */
  readonly outSinceMs: number
  /** Whether the ejection is one of the short ones. */
  readonly quick: boolean
  probing: boolean
  /** The ejection whose probe was given up on as silent: its answer may still come. */
  silentProbe: Ejection | undefined
  readonly cancelTimer: CancelTimer
}

/** Where an instance stands; `gone`: it is tracked no more. */
export type TrackerState = InUse | OutOfUse | { readonly kind: 'gone' }

export const gone: TrackerState = Object.freeze({ kind: 'gone' })

/** The state of an instance of which nothing is counted. */
export function inUse(): InUse {
  return {
    kind: 'in',
    requests: 0,
    failures: 0,
    connectRun: 0,
    serverRun: 0,
    breaking: false,
    connectErrorMs: undefined,
    serverErrorMs: undefined,
  }
}

/** A run of failures with one more: without a failure for `forgottenMs`, it begins anew. */
export function nextRun(run: number, failureMs: number | undefined, nowMs: number, forgottenMs: number): number {
  return failureMs !== undefined && nowMs - failureMs <= forgottenMs ? run + 1 : 1
}

/** For people. */
export function inARow(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'} in a row`
}
