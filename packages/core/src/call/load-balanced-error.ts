import type { ServiceInstance } from '../instance/instance.ts'

/** What `error.loadBalancer` says of a request to a service that failed. */
export interface LoadBalancerDetails {
  /** The name of the service. */
  readonly service: string
  /** Every attempt that failed, in order. */
  readonly attempts: readonly FailedAttempt[]
}

/** One attempt that failed. */
export interface FailedAttempt {
  /** Where the attempt went. */
  readonly instance: ServiceInstance
  /** The status of the response; absent when there was none, or when `error` has it. */
  readonly statusCode?: number | undefined
  /** What went wrong; absent when there is only a response. */
  readonly error?: unknown
}

/** The error of a request that went to a service. */
export type LoadBalancedError = Error & { readonly loadBalancer: LoadBalancerDetails }

/** Whether `error` is the error of a request that went to a service. */
export function isLoadBalancedError(error: unknown): error is LoadBalancedError {
  return typeof error === 'object' && error !== null && 'loadBalancer' in error
}
