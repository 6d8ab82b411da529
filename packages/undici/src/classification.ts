import { type AttemptResult, type Classification, classifyError, classifyStatus, parseRetryAfter } from '@lb/core'
import type { Answer } from './answer.ts'
import type { RequestBody } from './request-body.ts'

/** How an attempt ended. */
export function classify(result: AttemptResult<Answer>, body: RequestBody | undefined): Classification {
  const classification = result.ok ? classifyAnswer(result.value) : classifyFailure(result.error)
  return body === undefined || body.isReplayable ? classification : { ...classification, retry: 'never' }
}

function classifyFailure(error: unknown): Classification {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  // What undici says of a 100 that was not asked for: the instance has the request, and would say so again.
  if (code === 'UND_ERR_SOCKET' && message === 'bad response') return { ok: false, retry: 'never' }
  return classifyError(error)
}

function classifyAnswer({ statusCode, fields, isPassedOn }: Answer): Classification {
  const { retryAfter, date, loadReport } = fields
  if (retryAfter === undefined && loadReport === undefined) {
    // Nearly always; what the caller has seen is not repeated.
    return isPassedOn ? { ok: statusCode < 500, statusCode, retry: 'never' } : classifyStatus(statusCode)
  }
  const asks = statusCode >= 500 || statusCode === 429
  const retryAfterMs = asks ? parseRetryAfter(retryAfter, date) : undefined
  return {
    ok: statusCode < 500,
    statusCode,
    ...(isPassedOn ? { retry: 'never' } : undefined),
    ...(retryAfterMs === undefined ? undefined : { retryAfterMs }),
    ...(loadReport === undefined ? undefined : { loadReport }),
  }
}
