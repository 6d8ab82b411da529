import { DeadlineExceededError, type ErrorJson, LoadBalancerError } from '@lb/core'
import { errorJson, type LoadBalancerDetails } from '@lb/core/authoring'
import { AxiosError, CanceledError, type InternalAxiosRequestConfig, isAxiosError } from 'axios'

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
 * What an attempt fails with, as it stands in events: the error without the request and the response, which hold
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
