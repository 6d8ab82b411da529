import type { Criticality } from '@lb/core'
import type { CriticalityReport, SecondReport } from './call-recorder.ts'

/** The result of a simulation. */
export interface SimulationReport {
  /** The number of calls. */
  readonly calls: number
  /** The number of successful calls. */
  readonly succeeded: number
  /** Successful calls ÷ calls. */
  readonly goodput: number
  /** Successful calls per second of `durationMs`. */
  readonly succeededPerSecond: number
  /** Median latency of successful calls, including backoff and retries, in milliseconds; NaN if no call succeeded. */
  readonly p50Ms: number
  /** 99th percentile of these latencies. */
  readonly p99Ms: number
  /** 99.9th percentile of these latencies. */
  readonly p999Ms: number
  /** Requests received per second in the list: the busiest instance ÷ the mean. */
  readonly loadImbalance: number
  /** Attempts ÷ calls. */
  readonly amplification: number
  /** Load probes ÷ calls: 0 with other balancers than `probing`. */
  readonly probesPerCall: number
  /** Failed calls by error code or status. */
  readonly failures: Readonly<Record<string, number>>
  /** Events of the load balancers by type, without `request-finished`. */
  readonly events: Readonly<Record<string, number>>
  /** The calls of each class that had any. */
  readonly byCriticality: Readonly<Partial<Record<Criticality, CriticalityReport>>>
  /** The calls second by second. */
  readonly seconds: readonly SecondReport[]
  /** Timers that were left after everything was closed. */
  readonly leakedTimers: number
  /** Fingerprint of all events, in order. */
  readonly hash: string
}
