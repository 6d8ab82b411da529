import type { LoadBalancer } from '@lb/core'
import { rejectOption } from '@lb/core/authoring'

/** Throws unless `lb` is a load balancer, of whatever copy of @lb/core. */
export function checkLoadBalancer(path: string, lb: LoadBalancer): void {
  if (typeof lb?.execute !== 'function' || typeof lb.subscribe !== 'function') rejectOption(path, 'a LoadBalancer', lb)
}
