import * as grpcJs from '@grpc/grpc-js'
import type { LoadReport, Outcome } from '@lb/core'
import { classifyError } from '@lb/core/authoring'
import type { GrpcStatus } from './grpc-module.ts'
import { decodeLoadReport, loadReportTrailer } from './load-report.ts'

/** Numbers of statuses, which the protocol fixes. */
const ok = 0
export const cancelled = 1
export const deadlineExceeded = 4
export const unimplemented = 12
export const internal = 13
export const unavailable = 14

/** The error that a status stands for, as grpc-js gives it to callers, with the name of the status: metrics and spans show that. */
export function statusError({ code, details, metadata }: GrpcStatus): Error {
  return Object.assign(new Error(details), { name: grpcJs.status[code] ?? 'UNKNOWN', code, details, metadata })
}

const good: Outcome = Object.freeze({ ok: true, latencyMs: 0 })

/** How a call ended, by its last status; `refusedBy`: the error of lb that this status stands for. */
export function resultOf(status: GrpcStatus, refusedBy: unknown): Outcome {
  if (status.code === ok) return good
  const outcome = outcomeOf(status, 0, false)
  return refusedBy === undefined || status.code !== unavailable ? outcome : { ...outcome, error: refusedBy }
}

/**
 * How a call ended for its instance. What the caller's request deserved, such as NOT_FOUND and INVALID_ARGUMENT, is a success of the
 * instance, and what the caller cancelled says nothing. `readsLoadReports`: with the load report of the instance.
 */
export function outcomeOf(status: GrpcStatus, latencyMs: number, readsLoadReports: boolean): Outcome {
  const outcome: Outcome = status.code === ok ? { ok: true, latencyMs } : failureOf(status, latencyMs)
  if (!readsLoadReports || outcome.cancelled === true) return outcome
  const loadReport = reportOf(status)
  return loadReport === undefined ? outcome : { ...outcome, loadReport }
}

function failureOf(status: GrpcStatus, latencyMs: number): Outcome {
  if (status.code === cancelled) return { ok: false, latencyMs, cancelled: true, blame: 'none' }
  const error = statusError(status)
  const { ok: good, blame } = classifyError(error)
  if (good) return { ok: true, latencyMs }
  return { ok: false, latencyMs, error, ...(blame === undefined ? undefined : { blame }) }
}

function reportOf({ metadata }: GrpcStatus): LoadReport | undefined {
  const [bytes] = metadata.get(loadReportTrailer)
  return bytes === undefined || typeof bytes === 'string' ? undefined : decodeLoadReport(bytes)
}

/** Why there is no connection, with the code of the network if its message has one: a refused connection costs nothing. */
export function connectionError(message: string): Error {
  const code = /\bE[A-Z]{4,}\b/.exec(message)?.[0] ?? 'EHOSTUNREACH'
  return Object.assign(new Error(message), { code })
}
