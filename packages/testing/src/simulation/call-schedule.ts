import type { Random } from '@lb/core'
import { exponential } from './latency-profile.ts'
import type { RecordedCall } from './recording/recording.ts'

/** A call that comes after the last one. */
interface ScheduledCall {
  /** Milliseconds from now. */
  readonly delayMs: number
  readonly idempotent: boolean
}

/** The next call of a client, `elapsedMs` after the start of the simulation; `undefined`: there is none. */
export type CallSchedule = (elapsedMs: number) => ScheduledCall | undefined

/** Calls at random times, as of many users who know nothing of each other. */
export function poissonCalls(callsPerSecond: number, random: Random): CallSchedule {
  return () => ({ delayMs: (1_000 / callsPerSecond) * exponential(random), idempotent: true })
}

/** Calls at equal distances, with a random phase, as clients do not march in step. */
export function constantCalls(callsPerSecond: number, random: Random): CallSchedule {
  let isFirst = true
  return () => {
    const delayMs = isFirst ? (random() * 1_000) / callsPerSecond : 1_000 / callsPerSecond
    isFirst = false
    return { delayMs, idempotent: true }
  }
}

/** Calls at the times that were recorded. */
export function recordedCalls(calls: readonly RecordedCall[]): CallSchedule {
  let next = 0
  return (elapsedMs) => {
    const call = calls[next++]
    return call && { delayMs: Math.max(0, call.atMs - elapsedMs), idempotent: call.idempotent }
  }
}
