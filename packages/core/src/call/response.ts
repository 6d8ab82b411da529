import { rejectOption } from '../base/option-checks.ts'
import { loadReportHeader } from '../load-report/load-report.ts'
import {
  type AttemptResult,
  type Classification,
  classifyError,
  classifyResponse,
  mayAskToWait,
} from '../retry/classification.ts'

/** A fetch Response, of whatever realm or polyfill. */
export function isResponse(value: unknown): value is Response {
  return Object.prototype.toString.call(value) === '[object Response]'
}

/** How an attempt ended that gave `response`. Headers that say nothing with its status are not read. */
export function responseClassification({ status, headers }: Response, withLoadReport: boolean): Classification {
  const asksToWait = mayAskToWait(status)
  return classifyResponse({
    statusCode: status,
    retryAfter: asksToWait ? (headers.get('retry-after') ?? undefined) : undefined,
    date: asksToWait ? (headers.get('date') ?? undefined) : undefined,
    loadReport: withLoadReport ? (headers.get(loadReportHeader) ?? undefined) : undefined,
  })
}

/** How an attempt ended that gave anything but a response or an error. */
export const succeeded: Classification = Object.freeze({ ok: true, retry: 'never' })

/** How an attempt ended, where its caller does not say. */
export function classificationOf(result: AttemptResult<unknown>, withLoadReport: boolean): Classification {
  if (!result.ok) return classifyError(result.error)
  return isResponse(result.value) ? responseClassification(result.value, withLoadReport) : succeeded
}

/** What a caller's `classify` gave. @throws InvalidOptionError */
export function checkedClassification(given: Classification | undefined): Classification | undefined {
  if (given === undefined || typeof given?.ok === 'boolean') return given
  return rejectOption('options.classify()', 'undefined or a Classification with ok (boolean)', given)
}
