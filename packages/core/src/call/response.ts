import { loadReportHeader } from '../load-report/load-report.ts'
import { type Classification, classifyResponse, mayAskToWait } from '../retry/classification.ts'

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
