import type { Eligibility } from './health/eligibility.ts'
import type { ServiceInstance } from './instance.ts'

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
  readonly discoveryError?: string
  /** Class name of the discovery. */
  readonly discovery: string
  /** Class name of the balancer. */
  readonly balancer: string
  /** Milliseconds since the discovery last answered. */
  readonly listAgeMs: number
  /** Requests in flight, those on draining instances included. */
  readonly inFlight: number
  /** Retries the budget would allow now; `Infinity` without a budget. */
  readonly retryBudget: number
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
  readonly inFlight: number
  readonly succeeded: number
  readonly failed: number
}

export type InstanceState = Eligibility | 'draining'
