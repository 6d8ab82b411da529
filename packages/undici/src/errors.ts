import { isLoadBalancedError, type LoadBalancerDetails } from '@lb/core/authoring'

/**
 * `error`, which now has `details`. A transport may fail several requests with one error: each of them gets one of its own then. The
 * property is not enumerable, as the error is itself part of what it says.
 */
export function withDetails(error: unknown, details: LoadBalancerDetails): unknown {
  if (!(error instanceof Error)) return error
  const isTaken = isLoadBalancedError(error) || !Object.isExtensible(error)
  const own = isTaken ? copyOf(error) : error
  return Object.defineProperty(own, 'loadBalancer', { value: details, configurable: true, writable: true })
}

function copyOf(error: Error): Error {
  const properties = Object.getOwnPropertyDescriptors(error)
  Reflect.deleteProperty(properties, 'loadBalancer')
  const copy: Error = Object.create(Object.getPrototypeOf(error), properties)
  return copy
}

/** Anything can be thrown, and is passed on as it is; the types of undici know only errors. */
export function asError(thrown: unknown): Error {
  return thrown as Error
}

/** Whether undici could not read a response that other clients can: it fails at a 100 (Continue) that it did not ask for. */
export function isUnreadable(error: unknown): boolean {
  const { code, message, cause }: { code?: unknown; message?: unknown; cause?: unknown } = Object(error)
  return code === 'UND_ERR_SOCKET' && (message === 'bad response' || isUnreadable(cause))
}
