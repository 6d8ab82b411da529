import { DiscoveryError } from '@lb/core'
import { RegistryError } from '@lb/registry-http'

/** The same failure, with the service that it is about. */
export function serviceError(service: string, cause: unknown): DiscoveryError {
  if (cause instanceof DiscoveryError && cause.service !== undefined) return cause
  const message = `${service}: ${cause instanceof Error ? cause.message : String(cause)}`
  if (!(cause instanceof RegistryError)) return new DiscoveryError(message, { service, cause })
  const { status, retryAfterMs } = cause
  return new RegistryError(message, {
    service,
    cause,
    ...(status !== undefined && { status }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  })
}
