import type { ServiceInstance } from '../../instance/instance.ts'
import type { ZonePolicy } from './zone-options.ts'

/** Part of the traffic of one level. */
interface ZoneShare {
  /** `undefined`: every zone. */
  readonly zone: string | undefined
  readonly share: number
  readonly members: readonly ServiceInstance[]
  /** While its load is this many times that of the next in the list, the next takes over. */
  readonly spillAt?: number
}

export interface ZoneRouting {
  readonly active: boolean
  /** What was decided and why, for people. */
  readonly reason: string
  readonly shares: readonly ZoneShare[]
}

/**
 * Splits the traffic of one priority level between the local zone and the others. `usable` are those that may be
 * picked, `members` all of the level.
 */
export function routeByZone(
  usable: readonly ServiceInstance[],
  members: readonly ServiceInstance[],
  policy: ZonePolicy,
): ZoneRouting {
  const { local, clients } = policy
  const zones = membersByZone(usable)
  const obstacle = inactiveBecause(zones, usable, members, policy)
  if (obstacle !== undefined) {
    return { active: false, reason: obstacle, shares: [{ zone: undefined, share: 1, members: usable }] }
  }
  if (clients !== undefined) return byClientShares(zones, local, clients)
  return {
    active: true,
    reason: `zone ${local} first, load spills to the others`,
    shares: [
      { zone: local, share: 1, members: zones.get(local) ?? [], spillAt: policy.spillAt },
      { zone: undefined, share: 0, members: usable.filter(({ zone }) => zone !== local) },
    ],
  }
}

/** Instances without a zone are in one of their own, `''`. */
function membersByZone(instances: readonly ServiceInstance[]): ReadonlyMap<string, readonly ServiceInstance[]> {
  const zones = new Map<string, ServiceInstance[]>()
  for (const instance of instances) {
    const { zone = '' } = instance
    const members = zones.get(zone)
    if (members === undefined) zones.set(zone, [instance])
    else members.push(instance)
  }
  return zones
}

function inactiveBecause(
  zones: ReadonlyMap<string, readonly ServiceInstance[]>,
  usable: readonly ServiceInstance[],
  members: readonly ServiceInstance[],
  { local, minInstances, minLocalHealth, clients }: ZonePolicy,
): string | undefined {
  if (usable.length < minInstances) return `${usable.length} usable instances, fewer than ${minInstances}`
  const localUsable = zones.get(local)?.length ?? 0
  // With known clients, the other zones still differ by the capacity that is left in them.
  if (localUsable === 0 && clients === undefined) return `no usable instance in zone ${local}`
  if (localUsable === usable.length) return `no usable instance in another zone than ${local}`
  const localAll = members.filter(({ zone }) => zone === local).length
  if (localUsable >= minLocalHealth * localAll) return undefined
  return `${localUsable} of ${localAll} instances in zone ${local} are usable, less than ${Math.round(100 * minLocalHealth)} %`
}

/**
 * The local zone takes as much of its clients' traffic as its share of the capacity allows: nothing if it has no usable
 * instance. The others get the rest, by the capacity that their own clients leave over. So all clients together, if they
 * know the same instances, load every instance alike, and no split that does so keeps more traffic within its zone.
 *
 * Source: Envoy, "Zone aware routing".
 */
function byClientShares(
  zones: ReadonlyMap<string, readonly ServiceInstance[]>,
  local: string,
  clients: Readonly<Record<string, number>>,
): ZoneRouting {
  const capacities = fractions(Array.from(zones, ([zone, members]) => [zone, weightOf(members)]))
  const demands = fractions(Object.entries(clients))
  const capacityOf = (zone: string): number => capacities.get(zone) ?? 0
  const demandOf = (zone: string): number => demands.get(zone) ?? 0
  const localShare = capacityOf(local) === 0 ? 0 : Math.min(1, capacityOf(local) / demandOf(local))
  const others = [...zones].filter(([zone]) => zone !== local)
  const left = others.map(([zone]) => Math.max(0, capacityOf(zone) - demandOf(zone)))
  // Only rounding leaves nothing where there is a rest.
  const isFree = left.some((capacity) => capacity > 0)
  const parts = fractions(others.map(([zone], index) => [zone, (isFree ? left[index] : undefined) ?? capacityOf(zone)]))
  const near = zones.get(local)
  return {
    active: true,
    reason: `${Math.round(1_000 * localShare) / 10} % stay in zone ${local}, by the shares of clients and instances`,
    shares: [
      ...(near === undefined ? [] : [{ zone: local, share: localShare, members: near }]),
      ...others.map(([zone, members]) => ({ zone, members, share: (1 - localShare) * (parts.get(zone) ?? 0) })),
    ],
  }
}

function weightOf(members: readonly ServiceInstance[]): number {
  return members.reduce((sum, { weight }) => sum + weight, 0)
}

/** The entries with numbers that sum to 1, or all 0. */
function fractions(entries: readonly (readonly [string, number])[]): ReadonlyMap<string, number> {
  // Divided by the largest first: the sum of huge numbers would overflow.
  const largest = entries.reduce((max, [, value]) => Math.max(max, value), 0)
  const scaled = entries.map(([name, value]) => [name, largest > 0 ? value / largest : 0] as const)
  const sum = scaled.reduce((all, [, value]) => all + value, 0)
  return new Map(scaled.map(([name, value]) => [name, sum > 0 ? value / sum : 0]))
}
