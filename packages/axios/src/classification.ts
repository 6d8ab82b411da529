import type { AttemptResult, Classification } from '@lb/core'
import { classifyError, classifyResponse, classifyStatus, loadReportHeader } from '@lb/core/authoring'
import { isUnreadable } from '@lb/undici/authoring'
import { AxiosError, AxiosHeaders, type AxiosResponse, type InternalAxiosRequestConfig, isAxiosError } from 'axios'
import { AttemptError } from './errors.ts'
import { RedirectedRequest } from './redirect.ts'
import { isReplayable, timeoutMs } from './request.ts'
import { EarlyResponse, lowestFailure } from './response.ts'

/** How an attempt resolves: with a response, with the head of one, or with a redirect that leads to a service. */
export type Settled = AxiosResponse | EarlyResponse | RedirectedRequest

/** How an attempt ended. A body that is a stream is never sent again once it was read. */
export function classify(result: AttemptResult<Settled>, config: InternalAxiosRequestConfig): Classification {
  const classification = result.ok ? classifySettled(result.value) : classifyFailure(AttemptError.unwrap(result.error))
  const mayRepeat = typeof config.data !== 'object' || isReplayable(config.data)
  const isOver = !result.ok && isTimeUp(AttemptError.unwrap(result.error), config)
  return mayRepeat && !isOver ? classification : { ...classification, retry: 'never' }
}

/**
 * Whether the caller's time limit ended the attempt with `error`: each attempt gets all that is left of it. By lb's clock, in which a process that
 * stands loses no time, some may be left.
 */
function isTimeUp(error: unknown, config: InternalAxiosRequestConfig): boolean {
  if (!isAxiosError(error) || timeoutMs(config) === undefined) return false
  // A connection's own time limit is the cause of the error of axios.
  return error.cause === undefined && (error.code === AxiosError.ECONNABORTED || error.code === AxiosError.ETIMEDOUT)
}

function classifySettled(settled: Settled): Classification {
  if (settled instanceof RedirectedRequest) return classifyStatus(settled.statusCode)
  return classifyHead(settled instanceof EarlyResponse ? settled.head : settled)
}

function classifyFailure(error: unknown): Classification {
  const response = isAxiosError(error) ? error.response : undefined
  // The instance has the request, and would answer so again.
  if (isUnreadable(error)) return { ok: false, retry: 'never' }
  if (response === undefined) return classifyError(error)
  // Without data it is not the status that was refused: the body broke off.
  if (Object.hasOwn(response, 'data')) return classifyHead(response)
  return { ok: false, statusCode: response.status, retry: 'idempotent' }
}

function classifyHead({ status, headers: given }: AxiosResponse): Classification {
  // An adapter of the application's may give a plain object.
  const headers = given instanceof AxiosHeaders ? given : AxiosHeaders.from(Object(given))
  const isFailure = status >= lowestFailure
  return classifyResponse({
    statusCode: status,
    retryAfter: isFailure ? text(headers, 'retry-after') : undefined,
    date: isFailure ? text(headers, 'date') : undefined,
    loadReport: text(headers, loadReportHeader),
  })
}

/** A header by its name in lower case. Most responses have none of those asked for, and `AxiosHeaders.get` is slow to say so. */
function text(headers: AxiosHeaders, name: string): string | undefined {
  for (const key in headers) {
    if (key.length !== name.length || key.toLowerCase() !== name || !Object.hasOwn(headers, key)) continue
    const value = headers[key]
    return typeof value === 'string' ? value : undefined
  }
  return undefined
}
