import { type AttemptResult, type Classification, classifyError, classifyStatus, parseRetryAfter } from '@lb/core'
import type { Answer } from './answer.ts'
import type { RequestBody } from './request-body.ts'

/** What an answer, or the lack of one, means. The request stays in flight until its body has ended. */
export function classify(result: AttemptResult<Answer>): Classification {
  if (!result.ok) return classifyError(result.error)
  const answer = result.value
  answer.keepInFlight()
  const { statusCode, headers } = answer
  const { retryAfter, date, loadReport } = headers
  if (retryAfter === undefined && loadReport === undefined) return classifyStatus(statusCode)
  const retryAfterMs = statusCode >= 500 || statusCode === 429 ? parseRetryAfter(retryAfter, date) : undefined
  return {
    ...classifyStatus(statusCode),
    ...(retryAfterMs === undefined ? undefined : { retryAfterMs }),
    ...(loadReport === undefined ? undefined : { loadReport }),
  }
}

/** The same for a request with a body: one that was streamed is gone. */
export function classifyWithBody(result: AttemptResult<Answer>, body: RequestBody): Classification {
  const classification = classify(result)
  return body.isReplayable ? classification : { ...classification, retry: 'never' }
}
