import type { BalancerName } from '@lb/core'
import type { GivenOptions } from './given-options.ts'

/** The balancers that `--balancer` takes. */
const balancerNames: readonly BalancerName[] = [
  'round-robin',
  'smooth-weighted-round-robin',
  'grouped',
  'random',
  'least-request',
  'peak-ewma',
  'ring-hash',
  'maglev',
]

/** The balancer of `--balancer`, as an option of a load balancer. */
export function balancerOption(options: GivenOptions): { readonly balancer?: BalancerName } {
  const balancer = options.choice('balancer', balancerNames)
  return balancer === undefined ? {} : { balancer }
}
