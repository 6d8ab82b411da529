import type { BalancerName } from '@lb/core'
import { balancerNames } from '@lb/core/authoring'
import type { GivenOptions } from './given-options.ts'

/** The balancer of `--balancer`, as an option of a load balancer. */
export function balancerOption(options: GivenOptions): { readonly balancer?: BalancerName } {
  const balancer = options.choice('balancer', balancerNames)
  return balancer === undefined ? {} : { balancer }
}
