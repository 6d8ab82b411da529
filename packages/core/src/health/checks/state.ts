import type { ProbeVerdict } from './verdict.ts'

/** `unknown` until the first probe has ended. */
export type HealthStatus = 'unknown' | 'healthy' | 'unhealthy'

/** The result of the active checks of one instance. Immutable and frozen. */
export interface HealthState {
  /** The current status. */
  readonly status: HealthStatus
  /** Reading of the clock at the last change of `status`. */
  readonly sinceMs: number
  /**
   * Why the instance has this status, for people: the finding of the last probe that agrees with it. At most 200
   * characters.
   */
  readonly reason: string
  /** Probes that have ended, with either result. */
  readonly checks: number
  /** Failures since the last success. */
  readonly consecutiveFailures: number
  /** Successes since the last failure. */
  readonly consecutiveSuccesses: number
}

export interface HealthThresholds {
  readonly healthyThreshold: number
  readonly unhealthyThreshold: number
}

export function unknownHealth(nowMs: number, reason = 'not probed yet'): HealthState {
  const counts = { checks: 0, consecutiveFailures: 0, consecutiveSuccesses: 0 }
  return Object.freeze({ status: 'unknown', sinceMs: nowMs, reason, ...counts })
}

/**
 * The state after one more probe. The first verdict decides at once, as does an immediate failure; any other change
 * takes a threshold of verdicts in a row, so that one lost packet does not move traffic.
 */
export function nextHealth(
  state: HealthState,
  { healthy, reason, immediate }: ProbeVerdict,
  { healthyThreshold, unhealthyThreshold }: HealthThresholds,
  nowMs: number,
): HealthState {
  const consecutiveSuccesses = healthy ? state.consecutiveSuccesses + 1 : 0
  const consecutiveFailures = healthy ? 0 : state.consecutiveFailures + 1
  const reached = healthy ? consecutiveSuccesses >= healthyThreshold : consecutiveFailures >= unhealthyThreshold
  const found: HealthStatus = healthy ? 'healthy' : 'unhealthy'
  const status = state.status === 'unknown' || immediate || reached ? found : state.status
  return Object.freeze({
    status,
    sinceMs: status === state.status ? state.sinceMs : nowMs,
    reason: status === found ? reason : state.reason,
    checks: state.checks + 1,
    consecutiveFailures,
    consecutiveSuccesses,
  })
}

/** Whether nothing speaks against a healthy instance: neither its status nor its last probe. */
export function isStablyHealthy(state: HealthState): boolean {
  return state.status === 'healthy' && state.consecutiveFailures === 0
}
