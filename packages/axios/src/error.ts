import { DeadlineExceededError, LoadBalancerError, type ServiceInstance } from '@lb/core'
import { AxiosError, CanceledError, type InternalAxiosRequestConfig, isAxiosError } from 'axios'

/** What `error.loadBalancer` says of a request to a service that failed. */
export interface LoadBalancerDetails {
  readonly service: string
  /** Every attempt that failed, in order. */
  readonly attempts: readonly FailedAttempt[]
}

export interface FailedAttempt {
  readonly instance: ServiceInstance
  readonly error: unknown
}

/** The error of a request that went to a service. */
export type LoadBalancedError = AxiosError & { readonly loadBalancer: LoadBalancerDetails }

/** Whether `error` is the error of a request that went to a service. */
export function isLoadBalancedError(error: unknown): error is LoadBalancedError {
  return isAxiosError(error) && 'loadBalancer' in error
}

/** What the caller gets: an AxiosError about the request as the caller wrote it, with the cause kept. */
export function callerError(error: unknown, config: InternalAxiosRequestConfig, details: LoadBalancerDetails): unknown {
  const seen = cancellation(config) ?? asAxiosError(error, config)
  if (!isAxiosError(seen)) return seen
  seen.config = config
  if (seen.response !== undefined) seen.response.config = config
  return Object.assign(seen, { loadBalancer: details })
}

function cancellation(config: InternalAxiosRequestConfig): unknown {
  if (config.cancelToken?.reason !== undefined) return config.cancelToken.reason
  return config.signal?.aborted === true ? new CanceledError(undefined, config) : undefined
}

function asAxiosError(error: unknown, config: InternalAxiosRequestConfig): unknown {
  if (isAxiosError(error)) {
    // The attempt was given what was left of the time; the caller knows the limit of the whole.
    return isTimeout(error) ? timeoutError(config, error) : error
  }
  if (error instanceof DeadlineExceededError) return timeoutError(config, error)
  if (!(error instanceof LoadBalancerError)) return error
  return withCause(new AxiosError(error.message, error.code, config), error)
}

function isTimeout(error: AxiosError): boolean {
  const timedOut = error.code === AxiosError.ECONNABORTED || error.code === AxiosError.ETIMEDOUT
  return timedOut && error.cause === undefined && error.response === undefined
}

function timeoutError(config: InternalAxiosRequestConfig, cause: AxiosError | DeadlineExceededError): AxiosError {
  const { timeout, timeoutErrorMessage, transitional } = config
  const code = transitional?.clarifyTimeoutError === true ? AxiosError.ETIMEDOUT : AxiosError.ECONNABORTED
  const limit = timeout ? `timeout of ${timeout}ms exceeded` : cause.message
  const request: unknown = isAxiosError(cause) ? cause.request : undefined
  return withCause(new AxiosError(timeoutErrorMessage || limit, code, config, request), cause)
}

function withCause(error: AxiosError, cause: Error): AxiosError {
  error.cause = cause
  return error
}
