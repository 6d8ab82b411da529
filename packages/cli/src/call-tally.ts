import type { LoadBalancerEvent, ServiceInstance, ServiceSnapshot } from '@lb/core'
import { originOf } from '@lb/core/authoring'
import { Latencies, percentile } from './latencies.ts'

/** What went through one instance. */
export interface InstanceTally {
  readonly endpoint: string
  readonly zone: string | undefined
  readonly attempts: number
  readonly failed: number
  readonly cancelled: number
  readonly p50Ms: number | undefined
  readonly p99Ms: number | undefined
}

/** A reason for which calls failed: a status, or the code of an error. */
export type FailureReason = string

interface Counts {
  readonly instance: ServiceInstance
  attempts: number
  failed: number
  cancelled: number
  readonly latencies: Latencies
}

/** Counts calls by their result, and their attempts by instance. */
export class CallTally {
  succeeded = 0
  retries = 0
  /** Durations of all calls that got a response, in milliseconds. */
  readonly latencies: Latencies = new Latencies()
  readonly statuses: Map<number, number> = new Map()
  readonly #failures = new Map<FailureReason, number>()
  readonly #instances = new Map<string, Counts>()

  /** Instances that got nothing are in the table too. */
  begin({ instances }: ServiceSnapshot): void {
    for (const { instance } of instances) this.#countsOf(instance)
  }

  /** Takes what the load balancer says of attempts. */
  observe(event: LoadBalancerEvent): void {
    if (event.type === 'retry') this.retries++
    if (event.type !== 'request-finished') return
    const counts = this.#countsOf(event.instance)
    counts.attempts++
    if (event.outcome.cancelled === true) counts.cancelled++
    else if (!event.outcome.ok) counts.failed++
    counts.latencies.add(event.outcome.latencyMs)
  }

  /** A call got a response. From 400 on it counts as failed. */
  responded(statusCode: number, durationMs: number): void {
    this.statuses.set(statusCode, (this.statuses.get(statusCode) ?? 0) + 1)
    this.latencies.add(durationMs)
    if (statusCode < 400) this.succeeded++
    else this.#count(`status ${statusCode}`)
  }

  /** A call got none. */
  failed(reason: FailureReason): void {
    this.#count(reason)
  }

  /** Calls that failed. */
  get failures(): number {
    return Array.from(this.#failures.values()).reduce((sum, count) => sum + count, 0)
  }

  /** The reasons of failed calls, the most frequent first. */
  get reasons(): readonly (readonly [reason: FailureReason, count: number])[] {
    return Array.from(this.#failures).sort(([, one], [, other]) => other - one)
  }

  /** The instances, by their address. */
  get instances(): readonly InstanceTally[] {
    return Array.from(this.#instances, ([endpoint, { instance, attempts, failed, cancelled, latencies }]) => {
      const sorted = latencies.sorted()
      const percentiles = { p50Ms: percentile(sorted, 0.5), p99Ms: percentile(sorted, 0.99) }
      return { endpoint, zone: instance.zone, attempts, failed, cancelled, ...percentiles }
    }).sort((one, other) => one.endpoint.localeCompare(other.endpoint, 'en', { numeric: true }))
  }

  #count(reason: FailureReason): void {
    this.#failures.set(reason, (this.#failures.get(reason) ?? 0) + 1)
  }

  #countsOf(instance: ServiceInstance): Counts {
    const endpoint = originOf(instance)
    let counts = this.#instances.get(endpoint)
    if (counts === undefined) {
      counts = { instance, attempts: 0, failed: 0, cancelled: 0, latencies: new Latencies() }
      this.#instances.set(endpoint, counts)
    }
    return counts
  }
}
