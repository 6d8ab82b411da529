import type { FaultName } from './faults.ts'

/** Something that must hold in a fault, and whether it did. */
export interface FaultPromise {
  readonly text: string
  readonly kept: boolean
  /** What was measured. */
  readonly evidence: string
}

/** Requests that began in a phase, and attempts that did. */
export interface PhaseFigures {
  readonly requests: number
  readonly failed: number
  readonly attempts: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Of the requests that took longer than usual (250 ms): how many, the median, and the slowest. */
  readonly waits: { readonly count: number; readonly medianMs: number; readonly slowestMs: number }
}

export interface Ejection {
  readonly instance: string
  readonly reason: string
  readonly enforced: boolean
  readonly forMs: number
  /** Milliseconds after the fault began. */
  readonly afterMs: number
  returnedAfterMs?: number
}

/** What was measured in one fault. */
export interface FaultFigures {
  readonly name: FaultName
  /** All requests, from the warm-up to the return. */
  readonly requests: number
  readonly failed: number
  /** Failures by error code. */
  readonly errors: Readonly<Record<string, number>>
  readonly slowestFailureMs: number
  readonly during: PhaseFigures
  readonly after: PhaseFigures
  /** Attempts that failed, also where the request did not; from the warm-up to the return. */
  readonly failedAttempts: number
  /** Attempts beyond one for each request, during the fault. */
  readonly extraAttempts: number
  readonly faultMs: number
  /** From the fault's beginning until the struck instance gets no traffic while it is ejected; `undefined`: it got some. */
  readonly awayMs?: number
  /** From the fault's beginning until the struck instance was ejected; `undefined`: it was not. */
  readonly firstEjectionMs?: number
  /** From the fault's end until every struck instance has its share again; `undefined`: that did not happen. */
  readonly backMs?: number
  /** From the fault's end until the last ejection of a struck instance was over. */
  readonly ejectionOverMs: number
  readonly ejections: readonly Ejection[]
  /** Events about the discovery: how often each came. */
  readonly discoveryEvents: Readonly<Record<string, number>>
  /** Bytes of the heap in use under the fault, when it was watched. */
  readonly heap: readonly number[]
  /** Longest that the load was behind its schedule, up to the wait for the return. */
  readonly maxLagMs: number
}

/** A load that was further behind its schedule says little: the machine had no time for it. */
export const disturbedLagMs = 250

export interface FaultResult extends FaultFigures {
  readonly ok: boolean
  readonly promises: readonly FaultPromise[]
}
