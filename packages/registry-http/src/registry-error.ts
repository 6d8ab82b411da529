import { DiscoveryError, type LoadBalancerErrorOptions } from '@lb/core'
import { discoveryErrorOf } from '@lb/core/authoring'

/** A registry could not be queried, or its answer is invalid. The message names the server and the path, never a query, header or body. */
export class RegistryError extends DiscoveryError {
  /** HTTP status, when there was an answer. */
  readonly status?: number
  /** How long the client should wait, in milliseconds, as the answer requested it (`Retry-After`). */
  readonly retryAfterMs?: number

  constructor(
    message: string,
    options: LoadBalancerErrorOptions & { readonly status?: number; readonly retryAfterMs?: number } = {},
  ) {
    super(message, { name: 'RegistryError', ...options })
    if (options.status !== undefined) this.status = options.status
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs
  }
}

/** `cause` as an error about `service`, with the status and the wait of a `RegistryError`; itself, when it is one already. For `defineDiscovery`. */
export function registryErrorOf(service: string, cause: unknown): DiscoveryError {
  if (!(cause instanceof RegistryError) || cause.service !== undefined) return discoveryErrorOf(service, cause)
  const { status, retryAfterMs } = cause
  return new RegistryError(`${service}: ${cause.message}`, {
    service,
    cause,
    ...(status !== undefined && { status }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  })
}

/** How long to wait after a failure, in milliseconds, if the registry requested it. For `watchInSessions`. */
export function retryAfterMsOf(cause: unknown): number | undefined {
  return cause instanceof RegistryError ? cause.retryAfterMs : undefined
}
