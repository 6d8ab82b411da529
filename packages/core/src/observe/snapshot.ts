import type { HealthStatus } from '../health/checks/checker.ts'
import type { Eligibility } from '../health/eligibility/eligibility.ts'
import type { ServiceInstance } from '../instance/instance.ts'

/** What is known of one service at this moment. Plain data, safe to print or to send as JSON. */
export interface ServiceSnapshot {
  readonly service: string
  /**
   * - `unused`: nobody asked for it yet, so the discovery was not asked either
   * - `waiting`: the first list is not known yet
   * - `fresh`: the discovery's last answer is in use
   * - `stale`: the discovery fails, its last good list is in use
   * - `expired`: it failed for longer than `maxStaleMs`, and the list was dropped
   */
  readonly status: 'unused' | 'waiting' | 'fresh' | 'stale' | 'expired'
  /** Why the discovery fails, while it does. */
  readonly discoveryError?: string | undefined
  /** What the discovery calls itself by `Symbol.toStringTag`, such as `ConsulDiscovery`. */
  readonly discovery: string
  /** What the balancer calls itself by `Symbol.toStringTag`, such as `RoundRobinBalancer`. */
  readonly balancer: string
  /** Milliseconds since the discovery last answered. */
  readonly listAgeMs: number
  /** Requests in flight, those on draining instances included. */
  readonly inFlight: number
  /** Retries the budget would allow now; absent without a budget, as JSON knows no `Infinity`. */
  readonly retryBudget?: number | undefined
  /** Calls that wait because limits of requests in flight are reached. */
  readonly queued: number
  /** Why health is ignored, or a priority level is not used; absent without panic. */
  readonly panic?: string | undefined
  /** Whether the local zone is preferred, and why or why not; absent when `zone` is not configured. */
  readonly zone?: { readonly local: string; readonly active: boolean; readonly reason: string } | undefined
  readonly instances: readonly InstanceSnapshot[]
}

export interface InstanceSnapshot {
  readonly instance: ServiceInstance
  /** `draining`: removed from the list, requests in flight finish; the others as in `Eligibility`. */
  readonly state: InstanceState
  /** Why it is in that state, for people. */
  readonly reason: string
  /** Milliseconds it has been in that state. */
  readonly forMs: number
  /** Whether it may be picked: in panic also one that is not `available`. */
  readonly candidate: boolean
  /** `instance.weight`, or the learnt one, times the slow start. */
  readonly effectiveWeight: number
  /** What active checks say; absent without them. */
  readonly activeCheck?: { readonly status: HealthStatus; readonly reason: string; readonly forMs: number } | undefined
  /** How often in a row it was ejected; falls while it behaves. */
  readonly ejections: number
  readonly inFlight: number
  readonly succeeded: number
  /** Requests that failed, or that the caller cancelled; without those whose failure is not the instance's. */
  readonly failed: number
}

export type InstanceState = Eligibility | 'draining'
