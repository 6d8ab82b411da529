import type { ServiceInstance } from '@lb/core'
import type { TimedResponse } from './recorded-responses.ts'

/** The traffic of one service that was recorded with `recordTraffic`, and what came of it. `readRecording` reads it. */
export interface Recording {
  /** The name of the service. */
  readonly service: string
  /** How long it was recorded, in milliseconds. */
  readonly durationMs: number
  /** The number of calls. */
  readonly calls: number
  /** Successful calls ÷ calls. */
  readonly goodput: number
  /** Median latency of successful calls, in milliseconds; NaN if no call succeeded. */
  readonly p50Ms: number
  /** 99th percentile of these latencies. */
  readonly p99Ms: number
  /** 99.9th percentile of these latencies. */
  readonly p999Ms: number
  /** Attempts ÷ calls. */
  readonly amplification: number
  /** Calls of any service that are not in the recording, because its reader was too slow. */
  readonly lost: number
}

/** A call that was made. */
export interface RecordedCall {
  readonly atMs: number
  readonly idempotent: boolean
}

/** How the list of instances changed. */
export interface RecordedListChange {
  readonly atMs: number
  /** Ids. */
  readonly removed: readonly string[]
  /** Those that came, or that have another weight, zone or the like. */
  readonly added: readonly ServiceInstance[]
}

/** How an attempt failed without a response. */
export interface RecordedFailure {
  readonly error: Error
  /** Whether it counts against its instance. */
  readonly blamed: boolean
}

/** What the simulator needs of a recording. */
export interface RecordedTraffic {
  readonly durationMs: number
  /** In the order of their times. */
  readonly calls: readonly RecordedCall[]
  /** In the order of their times. */
  readonly lists: readonly RecordedListChange[]
  /** By id of the instance, each in the order of their times. */
  readonly responses: ReadonlyMap<string, readonly TimedResponse[]>
  readonly failures: readonly RecordedFailure[]
  /** The deadline that calls had, as far as it shows. */
  readonly timeoutMs: number
}

/** A recording that was read. The traffic is for `simulate`. */
export interface ReadRecording extends Recording {
  readonly traffic: RecordedTraffic
}

/** What was recorded; `undefined`: `value` was not made by `readRecording`, of whatever copy of this package. */
export function trafficOf(value: unknown): RecordedTraffic | undefined {
  if (typeof value !== 'object' || value === null || !('traffic' in value)) return undefined
  return isTraffic(value.traffic) ? value.traffic : undefined
}

function isTraffic(value: unknown): value is RecordedTraffic {
  if (typeof value !== 'object' || value === null) return false
  const { calls, lists, responses }: Partial<Record<keyof RecordedTraffic, unknown>> = value
  return Array.isArray(calls) && Array.isArray(lists) && responses instanceof Map
}
