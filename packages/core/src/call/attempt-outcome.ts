import type { Outcome } from '../instance/outcome.ts'
import { parseLoadReport } from '../load-report/load-report.ts'
import type { AttemptResult, Classification } from '../retry/classification.ts'
import { failureKind } from '../retry/failure-kind.ts'

/** What an attempt gave, and what that means. */
export interface Judged<T> {
  readonly result: AttemptResult<T>
  readonly classification: Classification
}

interface OutcomeFacts {
  /** Whether it was given up before its instance answered, if it failed. */
  readonly cancelled: boolean
  /** Whether load reports are wanted. */
  readonly readLoadReports: boolean
}

/** The outcome of an attempt that took `latencyMs`. */
export function outcomeOf<T>(
  { result, classification }: Judged<T>,
  latencyMs: number,
  { cancelled: givenUp, readLoadReports }: OutcomeFacts,
): Outcome {
  const { ok, statusCode, loadReport, blame } = classification
  const report = loadReport !== undefined && readLoadReports ? parseLoadReport(loadReport) : undefined
  const cancelled = !ok && givenUp
  const outcome: { -readonly [Key in keyof Outcome]: Outcome[Key] } = { ok, latencyMs }
  if (statusCode !== undefined) outcome.statusCode = statusCode
  if (!result.ok) outcome.error = result.error
  if (!ok && !cancelled && blame !== undefined) outcome.blame = blame
  // It was classified as a failure although the error says nothing.
  else if (!ok && !cancelled && failureKind(outcome) === undefined) outcome.blame = 'instance'
  if (cancelled) outcome.cancelled = true
  if (report !== undefined) outcome.loadReport = report
  return outcome
}
