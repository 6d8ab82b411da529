import type { Outcome } from '../instance/outcome.ts'
import { judgeError } from './error-verdict.ts'
import { networkFaults } from './network-fault.ts'

/** `server`: the instance answered, but not well; `connect`: it was not reached, broke off, or was too late. */
export type FailureKind = 'connect' | 'server'

/** The part of an outcome that says what went wrong. */
interface Failure {
  readonly statusCode?: number | undefined
  readonly error?: unknown
  readonly cancelled?: boolean | undefined
  readonly blame?: 'instance' | 'none' | undefined
}

/** What a failed outcome says of the instance; `undefined`: nothing (the caller went away, made a mistake, or had no descriptor left). */
export function failureKind({ statusCode, error, cancelled, blame }: Failure): FailureKind | undefined {
  if (cancelled === true || blame === 'none') return undefined
  // Without an error there was an answer, which the caller called a failure.
  if (error === undefined || (statusCode !== undefined && statusCode >= 500)) return 'server'
  const { says } = judgeError(error)
  if (says === 'connect' || says === 'server') return says
  return blame === 'instance' ? 'server' : undefined
}

/**
 * How an instance was not reached: `refused`: at once, and nothing was sent; `broken`: at once, but what was sent may have
 * been executed; `connect`: by waiting in vain, or nothing more is known. What failed at once costs next to nothing to
 * try again.
 */
export type ConnectFailure = 'refused' | 'broken' | 'connect'

/** A connection that takes longer to fail is not refused at once: an address without a host, say. */
const atOnceMs = 1_000

/** As `FailureKind`, with how the connection failed. */
export type FailureMode = ConnectFailure | 'server'

/** How a request failed; `undefined`: it did not, or that says nothing of the instance. */
export function failureMode(outcome: Failure & Pick<Outcome, 'ok' | 'latencyMs'>): FailureMode | undefined {
  const kind = outcome.ok ? undefined : failureKind(outcome)
  return kind === 'connect' ? connectFailure(outcome) : kind
}

function connectFailure({ error, latencyMs }: Failure & Pick<Outcome, 'latencyMs'>): ConnectFailure {
  const faults = networkFaults(error)
  if (faults.length === 0 || faults.some(({ timedOut }) => timedOut)) return 'connect'
  if (!faults.every(({ neverSent }) => neverSent)) return 'broken'
  return latencyMs <= atOnceMs ? 'refused' : 'connect'
}
