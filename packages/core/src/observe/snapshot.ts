import type { Override } from '../control/override.ts'
import type { HealthStatus } from '../health/checks/checker.ts'
import type { Eligibility } from '../health/eligibility/eligibility.ts'
import type { EjectionReason } from '../health/outliers/ejection.ts'
import type { ServiceInstance } from '../instance/instance.ts'

/**
 * The current state of one service. Plain data, safe to print, and JSON without loss: each field of it is read back, with the same value. Only
 * the null prototype of metadata is not.
 */
export interface ServiceSnapshot {
  /** The name of the service. */
  readonly service: string
  /**
   * - `unused`: the service was not used yet, so the discovery was not queried either
   * - `waiting`: the first list is not known yet
   * - `fresh`: the discovery's last list is in use
   * - `stale`: the discovery fails, and its last good list is in use
   * - `expired`: it failed for longer than `maxStaleMs`, and the list was dropped
   */
  readonly status: 'unused' | 'waiting' | 'fresh' | 'stale' | 'expired'
  /** Why the discovery fails; absent while it does not. */
  readonly discoveryError?: string | undefined
  /** The name of the discovery by `Symbol.toStringTag`, such as `ConsulDiscovery`. */
  readonly discovery: string
  /** The name of the balancer by `Symbol.toStringTag`, such as `RoundRobinBalancer`. */
  readonly balancer: string
  /** Whether probes decide with `balancer: 'probing'`, and why or why not; absent with other balancers. */
  readonly probing?: { readonly active: boolean; readonly reason: string } | undefined
  /** Milliseconds since the discovery last returned a list. */
  readonly listAgeMs: number
  /** Requests in flight, including those on draining instances. */
  readonly inFlight: number
  /** The limit on requests in flight now, with `maxInFlight: 'adaptive'`; absent otherwise. */
  readonly adaptiveLimit?: number | undefined
  /** Retries that the budget currently allows; absent without a budget, because JSON has no `Infinity`. */
  readonly retryBudget?: number | undefined
  /** Calls that wait because limits on requests in flight are reached. */
  readonly queued: number
  /** Why health is ignored, or a priority level is not used; absent without panic. */
  readonly panic?: string | undefined
  /** Whether the local zone is preferred, and why or why not; absent when `zone` is not configured. */
  readonly zone?: { readonly local: string; readonly active: boolean; readonly reason: string } | undefined
  /** The subsets that requests with a `match` used lately, by what their instances match; absent without `routing`. */
  readonly subsets?: readonly MetadataSubsetSnapshot[] | undefined
  /** What was set at run time by `LoadBalancer.control`, in the order in which it was set; also for instances that are gone. */
  readonly overrides: readonly Override[]
  /** All instances, including draining ones. */
  readonly instances: readonly InstanceSnapshot[]
}

/** The instances of a service that match the same. */
export interface MetadataSubsetSnapshot {
  /** What their metadata say, by key. */
  readonly values: Readonly<Record<string, string>>
  /** Ids of those that may be picked. Empty: requests go where `routing.fallback` says. */
  readonly candidates: readonly string[]
}

/** The current state of one instance. */
export interface InstanceSnapshot {
  /** The instance. */
  readonly instance: ServiceInstance
  /** `draining`: removed from the list, and requests in flight finish; the others as in `Eligibility`. */
  readonly state: InstanceState
  /** Why it is in that state, for people. */
  readonly reason: string
  /** Milliseconds it has been in that state. */
  readonly forMs: number
  /** The `host:port` at which its id is listed now, on one that drains at its old address: two instances then have this id. Else absent. */
  readonly movedTo?: string | undefined
  /** Whether it may be picked; in panic, even if it is not `available`. */
  readonly candidate: boolean
  /** `instance.weight`, or the learnt one, or the one set at run time, times the slow start. */
  readonly effectiveWeight: number
  /** The share of the traffic that it is to get, from 0 to 1; absent unless the balancer splits by groups, in one priority level and zone. */
  readonly wantedShare?: number | undefined
  /** What was set at run time for this instance; absent if nothing was. */
  readonly overrides?: readonly Override[] | undefined
  /** The result of active checks; absent without them. */
  readonly activeCheck?: { readonly status: HealthStatus; readonly reason: string; readonly forMs: number } | undefined
  /**
   * Set if the discovery's last list, which may be a sample, lacks it: since `forMs` milliseconds. It stays for at most
   * `staysMs` more, and goes at once if a connection is refused. Absent if it is listed.
   */
  readonly missing?: { readonly forMs: number; readonly staysMs: number } | undefined
  /**
   * The ejection that it is out for: why, for people too, and the milliseconds until it may be probed, 0 while it is `half-open`. Absent if it
   * is not ejected.
   */
  readonly ejection?:
    | { readonly reason: EjectionReason; readonly detail: string; readonly endsInMs: number }
    | undefined
  /** The number of recent ejections; it falls while the instance works. */
  readonly ejections: number
  /** Requests in flight on this instance. */
  readonly inFlight: number
  /** Its limit on requests in flight now, with `maxInFlightPerInstance: 'adaptive'` and once it was used; absent otherwise. */
  readonly adaptiveLimit?: number | undefined
  /** Requests that succeeded. */
  readonly succeeded: number
  /** Requests that failed or were cancelled by the caller, without those whose failure is not the instance's. */
  readonly failed: number
}

/** The state of an instance: its eligibility, or `draining` after its removal. */
export type InstanceState = Eligibility | 'draining'
