import type { ServiceInstance } from '@lb/core'

/** What `error.loadBalancer` says of a request to a service that failed. */
export interface LoadBalancerDetails {
  readonly service: string
  /** Every attempt that failed, in order. */
  readonly attempts: readonly FailedAttempt[]
}

export interface FailedAttempt {
  readonly instance: ServiceInstance
  /** The status that the instance answered with; absent when it did not answer. */
  readonly statusCode?: number | undefined
  /** What went wrong; absent when the instance answered. */
  readonly error?: unknown
}

/** The error of a request that went to a service. */
export type LoadBalancedError = Error & { readonly loadBalancer: LoadBalancerDetails }

/** Whether `error` is the error of a request that went to a service. */
export function isLoadBalancedError(error: unknown): error is LoadBalancedError {
  return typeof error === 'object' && error !== null && 'loadBalancer' in error
}

/**
 * `error`, which now has `details`. A transport may fail several requests with one error: each of them gets one of its own then. The
 * property is not enumerable, as the error is itself part of what it tells.
 */
export function withDetails(error: unknown, details: LoadBalancerDetails): unknown {
  if (!(error instanceof Error)) return error
  const isTaken = isLoadBalancedError(error) || !Object.isExtensible(error)
  const own = isTaken ? copyOf(error) : error
  return Object.defineProperty(own, 'loadBalancer', { value: details, configurable: true, writable: true })
}

function copyOf(error: Error): Error {
  const { loadBalancer: _, ...properties } = Object.getOwnPropertyDescriptors(error) as PropertyDescriptorMap
  return Object.create(Object.getPrototypeOf(error), properties) as Error
}
