import { rejectOption } from './base/option-checks.ts'
import type { LoadBalancer } from './load-balancer.ts'

/** Whether `value` is a load balancer, of whatever copy of this package: two builds of it may be loaded in one process. */
export function isLoadBalancer(value: unknown): value is LoadBalancer {
  if (typeof value !== 'object' || value === null || !('execute' in value && 'subscribe' in value)) return false
  return typeof value.execute === 'function' && typeof value.subscribe === 'function'
}

/**
 * Throws unless `value` is a load balancer.
 *
 * @throws InvalidOptionError
 */
export function checkLoadBalancer(path: string, value: unknown): void {
  if (!isLoadBalancer(value)) rejectOption(path, 'a LoadBalancer', value)
}
