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
