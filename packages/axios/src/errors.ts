import {
  type AttemptResult,
  type Classification,
  DeadlineExceededError,
  type ErrorJson,
  LoadBalancerError,
} from '@lb/core'
import {
  classifyError,
  classifyResponse,
  errorJson,
  type LoadBalancerDetails,
  loadReportHeader,
} from '@lb/core/authoring'
import { isUnreadable } from '@lb/undici/authoring'
import {
  AxiosError,
  AxiosHeaders,
  type AxiosResponse,
  CanceledError,
  type InternalAxiosRequestConfig,
  isAxiosError,
} from 'axios'
import type { RedirectedRequest } from './redirect.ts'
import { isReplayable } from './request.ts'
import { type EarlyResponse, isEarly } from './response.ts'

/** The error of a request that went to a service. */
export type LoadBalancedError = AxiosError & { readonly loadBalancer: LoadBalancerDetails }

/** Whether `error` is the error of a request that went to a service. */
export function isLoadBalancedError(error: unknown): error is LoadBalancedError {
  return isAxiosError(error) && 'loadBalancer' in error
}

/** What the caller gets: an AxiosError about the request as the caller wrote it, with the cause kept. */
export function callerError(error: unknown, config: InternalAxiosRequestConfig, details: LoadBalancerDetails): unknown {
  // The reason belongs to the token, which may be that of other requests too.
  if (config.cancelToken?.reason !== undefined) return config.cancelToken.reason
  const seen = config.signal?.aborted === true ? new CanceledError(undefined, config) : asAxiosError(error, config)
  if (!isAxiosError(seen)) return seen
  seen.config = config
  if (seen.response !== undefined) seen.response.config = config
  return Object.assign(seen, { loadBalancer: details })
}

function asAxiosError(error: unknown, config: InternalAxiosRequestConfig): unknown {
  if (isAxiosError(error)) {
    // The attempt was given what was left of the time; the caller knows the limit of the whole.
    error.message = error.message.replace(/^timeout of \d+ms exceeded$/, `timeout of ${config.timeout}ms exceeded`)
    return error
  }
  if (!(error instanceof LoadBalancerError)) return error
  const timedOut = error instanceof DeadlineExceededError
  const message = (timedOut && config.timeoutErrorMessage) || error.message
  const seen = new AxiosError(message, timedOut ? timeoutCode(config) : error.code, config)
  // Like the `cause` that axios and the platform set, it is not enumerable.
  return Object.defineProperty(seen, 'cause', { value: error, writable: true, configurable: true })
}

function timeoutCode({ transitional }: InternalAxiosRequestConfig): string | undefined {
  return transitional?.clarifyTimeoutError === true ? AxiosError.ETIMEDOUT : AxiosError.ECONNABORTED
}

/**
 * What an attempt fails with, as events tell it: the error without the request and the response, which hold
 * credentials and bodies.
 */
export class AttemptError extends Error {
  readonly code: string | undefined
  readonly #error: Error

  private constructor(error: Error & { readonly code?: string; readonly cause?: unknown }) {
    super(error.message, error.cause === undefined ? undefined : { cause: AttemptError.wrap(error.cause) })
    this.name = error.name
    this.code = error.code
    this.#error = error
  }

  toJSON(): ErrorJson {
    return errorJson(this)
  }

  static wrap(error: unknown): unknown {
    return isAxiosError(error) ? new AttemptError(error) : error
  }

  /** The error itself, for the caller whose request it was. */
  static unwrap(error: unknown): unknown {
    return error instanceof AttemptError ? error.#error : error
  }
}

/** How an attempt resolves: with a response, with the head of one, or with a redirect that leads to a service. */
export type Settled = AxiosResponse | EarlyResponse | RedirectedRequest

export function isRedirected(settled: Settled): settled is RedirectedRequest {
  return 'statusCode' in settled
}

/** How an attempt ended. A body that is a stream is never sent again once it was read. */
export function classify(result: AttemptResult<Settled>, config: InternalAxiosRequestConfig): Classification {
  const classification = result.ok ? classifyStatus(result.value) : classifyFailure(AttemptError.unwrap(result.error))
  return isReplayable(config.data) ? classification : { ...classification, retry: 'never' }
}

function classifyStatus(settled: Settled): Classification {
  if (isEarly(settled)) return classifyHead(settled.head)
  if (!isRedirected(settled)) return classifyHead(settled)
  const { statusCode } = settled
  return { ok: statusCode < 500, statusCode }
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
  const headers = AxiosHeaders.from(given as AxiosHeaders)
  return classifyResponse({
    statusCode: status,
    retryAfter: text(headers, 'retry-after'),
    date: text(headers, 'date'),
    loadReport: text(headers, loadReportHeader),
  })
}

/** A header by its name in lower case. Most responses have none of those asked for, and `AxiosHeaders.get` is slow to say so. */
function text(headers: AxiosHeaders, name: string): string | undefined {
  for (const key of Object.keys(headers)) {
    if (key.length !== name.length || key.toLowerCase() !== name) continue
    const value = headers[key]
    return typeof value === 'string' ? value : undefined
  }
  return undefined
}
