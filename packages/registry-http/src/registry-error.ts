import { DiscoveryError, type LoadBalancerErrorOptions } from '@lb/core'

/** A registry could not be asked, or what it answered makes no sense. The message names the server and the path, never a query, header or body. */
export class RegistryError extends DiscoveryError {
  /** HTTP status, when there was an answer. */
  readonly status?: number
  /** What the answer asked to wait, in milliseconds (`Retry-After`). */
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
