import { messageOf } from '../base/error-message.ts'
import { DiscoveryError, LoadBalancerClosedError } from '../base/errors.ts'

/**
 * Where the list stands:
 * - `waiting`: no answer yet (`error`: why, when the discovery failed meanwhile)
 * - `fresh`: the last thing the discovery said was this list
 * - `stale`: the discovery fails since `sinceMs`; its last good list is served
 * - `expired`: it failed for longer than `maxStaleMs`; the list was dropped
 */
export type ListState =
  | { readonly kind: 'waiting'; readonly sinceMs: number; readonly error?: unknown }
  | { readonly kind: 'fresh'; readonly sinceMs: number }
  | { readonly kind: 'stale'; readonly sinceMs: number; readonly error: unknown }
  | { readonly kind: 'expired'; readonly sinceMs: number; readonly error: unknown }
  | { readonly kind: 'closed'; readonly sinceMs: number }

/** `cause` as the error that events and callers get. */
export function asDiscoveryError(service: string, cause: unknown): DiscoveryError {
  if (cause instanceof DiscoveryError) return cause
  return new DiscoveryError(`${service}: the discovery failed: ${messageOf(cause)}`, { service, cause })
}

/** Why there is no list of `service` any more. */
export function closedError(service: string): LoadBalancerClosedError {
  return new LoadBalancerClosedError(`${service}: the load balancer was closed`, { service })
}
