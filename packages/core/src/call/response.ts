import { loadReportHeader } from '../load-report/load-report.ts'
import { type Classification, classifyStatus } from '../retry/classification.ts'
import { parseRetryAfter } from '../retry/retry-after.ts'

/** A fetch Response, of whatever realm or polyfill. */
export function isResponse(value: unknown): value is Response {
  return Object.prototype.toString.call(value) === '[object Response]'
}

/** Whether a `Retry-After` that comes with `status` is for the one who sent the request: unavailable, or too many requests. */
function mayAskToWait(status: number): boolean {
  return status >= 500 || status === 429
}

/** How an attempt ended that gave `response`. */
export function responseClassification({ status, headers }: Response, withLoadReport: boolean): Classification {
  const retryAfterMs = mayAskToWait(status)
    ? parseRetryAfter(headers.get('retry-after'), headers.get('date'))
    : undefined
  const loadReport = withLoadReport ? headers.get(loadReportHeader) : null
  return {
    ...classifyStatus(status),
    ...(retryAfterMs === undefined ? undefined : { retryAfterMs }),
    ...(loadReport === null ? undefined : { loadReport }),
  }
}
