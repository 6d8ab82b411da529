import type { AttemptResult, Classification } from '@lb/core'
import { classifyError, loadReportHeader, parseRetryAfter } from '@lb/core/authoring'
import { AxiosHeaders, type AxiosResponse, type InternalAxiosRequestConfig, isAxiosError } from 'axios'
import { AttemptError } from './attempt-error.ts'
import { type EarlyAnswer, isEarly } from './early-answer.ts'
import type { RedirectedRequest } from './redirect.ts'
import { isReplayable } from './request-body.ts'
import { isUnreadable } from './undici-errors.ts'

/** How an attempt resolves: with a response, with the head of one, or with a redirect that leads to a service. */
export type Settled = AxiosResponse | EarlyAnswer | RedirectedRequest

export function isRedirected(settled: Settled): settled is RedirectedRequest {
  return 'statusCode' in settled
}

/** How an attempt ended. A body that is a stream is never sent again once it was read. */
export function classify(result: AttemptResult<Settled>, config: InternalAxiosRequestConfig): Classification {
  const classification = result.ok ? classifyStatus(result.value) : classifyFailure(AttemptError.unwrap(result.error))
  return isReplayable(config.data) ? classification : { ...classification, retry: 'never' }
}

function classifyStatus(settled: Settled): Classification {
  if (isEarly(settled)) return classifyResponse(settled.head)
  if (!isRedirected(settled)) return classifyResponse(settled)
  const { statusCode } = settled
  return { ok: statusCode < 500, statusCode }
}

function classifyFailure(error: unknown): Classification {
  const response = isAxiosError(error) ? error.response : undefined
  // The instance has the request, and would answer so again.
  if (isUnreadable(error)) return { ok: false, retry: 'never' }
  if (response === undefined) return classifyError(error)
  // Without data it is not the status that was refused: the body broke off.
  if (Object.hasOwn(response, 'data')) return classifyResponse(response)
  return { ok: false, statusCode: response.status, retry: 'idempotent' }
}

function classifyResponse({ status, headers: given }: AxiosResponse): Classification {
  // An adapter of the application's may give a plain object.
  const headers = AxiosHeaders.from(given as AxiosHeaders)
  const asks = status >= 500 || status === 429
  const retryAfterMs = asks ? parseRetryAfter(text(headers, 'retry-after'), text(headers, 'date')) : undefined
  const loadReport = text(headers, loadReportHeader)
  return {
    ok: status < 500,
    statusCode: status,
    ...(retryAfterMs === undefined ? undefined : { retryAfterMs }),
    ...(loadReport === undefined ? undefined : { loadReport }),
  }
}

/** A field by its name in lower case. Most answers have none of those asked for, and `AxiosHeaders.get` is slow to say so. */
function text(headers: AxiosHeaders, name: string): string | undefined {
  for (const key of Object.keys(headers)) {
    if (key.length !== name.length || key.toLowerCase() !== name) continue
    const value = headers[key]
    return typeof value === 'string' ? value : undefined
  }
  return undefined
}
