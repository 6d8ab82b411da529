import type { AttemptResult, Classification } from '@lb/core'
import { AxiosError, type AxiosResponse, type InternalAxiosRequestConfig, isAxiosError } from 'axios'
import type { RedirectedRequest } from './redirect.ts'
import { isReplayable } from './request-body.ts'

/** How an attempt resolves: with a response, or with a redirect that leads to a service. */
export type Settled = AxiosResponse | RedirectedRequest

export function isRedirected(settled: Settled): settled is RedirectedRequest {
  return 'statusCode' in settled
}

/** Mistakes in the request, which no instance can be blamed for. */
const callerFaults: ReadonlySet<string | undefined> = new Set([
  AxiosError.ERR_BAD_OPTION,
  AxiosError.ERR_BAD_OPTION_VALUE,
  AxiosError.ERR_BAD_REQUEST,
  AxiosError.ERR_BAD_RESPONSE,
  AxiosError.ERR_INVALID_URL,
  AxiosError.ERR_NOT_SUPPORT,
  'ERR_FR_TOO_MANY_REDIRECTS',
])

/** How an attempt ended. A body that is a stream is never sent again once it was read. */
export function classify(
  result: AttemptResult<Settled>,
  config: InternalAxiosRequestConfig,
): Classification | undefined {
  const classification = result.ok ? classifyStatus(result.value) : classifyFailure(result.error, config)
  if (isReplayable(config.data)) return classification
  return { ...classification, ok: classification?.ok ?? false, retry: 'never' }
}

function classifyStatus(settled: Settled): Classification {
  const statusCode = isRedirected(settled) ? settled.statusCode : settled.status
  return { ok: statusCode < 500, statusCode }
}

function classifyFailure(error: unknown, config: InternalAxiosRequestConfig): Classification | undefined {
  if (!isAxiosError(error)) return undefined
  const statusCode = error.response?.status
  if (statusCode !== undefined) {
    const refused = config.validateStatus?.(statusCode) === false
    // A status that is accepted came with a body that broke off.
    return refused ? { ok: statusCode < 500, statusCode } : { ok: false, statusCode, retry: 'idempotent' }
  }
  return callerFaults.has(error.code) && error.cause === undefined ? { ok: true, retry: 'never' } : undefined
}
