import type { LoadBalancer, ServiceSnapshot } from '../../src/index.ts'

const picks = 1_500

/** Those between which the balancer alone decides: of one priority and zone. */
function groups({ instances }: ServiceSnapshot): Map<string, Map<string, number>> {
  const all = new Map<string, Map<string, number>>()
  for (const { instance, candidate, effectiveWeight } of instances) {
    if (!candidate) continue
    const key = `${instance.priority}/${instance.zone}`
    const group = all.get(key) ?? new Map<string, number>()
    all.set(key, group.set(instance.id, effectiveWeight))
  }
  return all
}

/**
 * Picks while no time passes, and says where the shares are not those of weight × warmth within each group. Six standard deviations
 * may be chance, and so may two turns: the first pick of a newcomer, and a cycle that is not over.
 */
export function wrongShares(lb: LoadBalancer, service: string): string[] {
  const expected = groups(lb.inspect(service))
  const counts = new Map<string, number>()
  for (let pick = 0; pick < picks; pick++) {
    const { id } = lb.pick(service)
    counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  const wrong: string[] = []
  for (const [key, group] of expected) {
    const total = [...group.keys()].reduce((sum, id) => sum + (counts.get(id) ?? 0), 0)
    const weights = [...group.values()].reduce((sum, weight) => sum + weight, 0)
    for (const [id, weight] of group) {
      const share = weight / weights
      const count = counts.get(id) ?? 0
      const tolerance = 6 * Math.sqrt(total * share * (1 - share)) + group.size + 2
      if (Math.abs(count - total * share) > tolerance)
        wrong.push(`${id}: ${count} of ${total} in ${key}, not ${share * total}`)
    }
  }
  return wrong
}
