import { type AttemptResult, type Classification, classifyError, classifyStatus, parseRetryAfter } from '@lb/core'
import type { Answer } from './answer.ts'
import type { RequestBody } from './request-body.ts'

/** What an answer, or the lack of one, means. The request stays in flight until its body has ended. */
export function classify(result: AttemptResult<Answer>): Classification | undefined {
  if (!result.ok) return isOwnFault(result.error) ? { ok: true, retry: 'never' } : undefined
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

/** Mistakes of hooks that the transport refuses to send, which no instance can be blamed for. */
function isOwnFault(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown }
  return code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED'
}

/** The same for a request with a body: one that was streamed is gone. */
export function classifyWithBody(result: AttemptResult<Answer>, body: RequestBody): Classification | undefined {
  const classification = classify(result)
  if (body.isReplayable) return classification
  if (classification !== undefined) return { ...classification, retry: 'never' }
  return result.ok ? undefined : { ...classifyError(result.error), retry: 'never' }
}
