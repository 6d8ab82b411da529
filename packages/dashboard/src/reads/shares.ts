import type { InstanceSnapshot, ServiceSnapshot } from '@lb/core'

/** Balancers that give equal shares, whatever the weights. */
const equal: ReadonlySet<string> = new Set(['RoundRobinBalancer'])
/** Balancers that give shares by weight. */
const weighted: ReadonlySet<string> = new Set(['SmoothWeightedRoundRobinBalancer', 'RandomBalancer'])

/**
 * What share of the traffic each instance is to get: by its effective weight among the candidates. Undefined where that is not what decides:
 * load, a hash, groups, several priority levels, or zones.
 */
export function wantedShares({
  balancer,
  zone,
  instances,
}: ServiceSnapshot): (row: InstanceSnapshot) => number | undefined {
  const candidates = instances.filter(({ candidate }) => candidate)
  const levels = new Set(candidates.map(({ instance }) => instance.priority))
  const byWeight = weighted.has(balancer)
  if ((!byWeight && !equal.has(balancer)) || levels.size > 1 || zone?.active === true) return () => undefined
  const weightOf = ({ effectiveWeight }: InstanceSnapshot): number => (byWeight ? effectiveWeight : 1)
  const sum = candidates.reduce((all, each) => all + weightOf(each), 0)
  return (row) => (row.candidate && sum > 0 ? weightOf(row) / sum : 0)
}
