import { checkInteger, checkKeys, checkNumber, rejectOption } from '../../base/option-checks.ts'
import type { ServiceInstance } from '../../instance/instance.ts'

/** Prefers instances in the client's own zone, unless that overloads them. */
export interface ZoneOptions {
  /** The zone of this process, as written in the instances' `zone`. */
  readonly local: string
  /** With fewer usable instances, zones are ignored. @default 6 */
  readonly minInstances?: number | undefined
  /** With a smaller share of usable instances in the local zone, zones are ignored. @default 0.7 */
  readonly minLocalHealth?: number | undefined
  /**
   * Share of the clients in each zone, such as `{ a: 40, b: 40, c: 20 }`. With it, the local zone gets exactly what it
   * can take, and the rest goes where capacity is free.
   * @default undefined: the local zone comes first, and load spills
   */
  readonly clients?: Readonly<Record<string, number>> | undefined
  /**
   * While `clients` is unknown: a request goes to another zone if the local instances have, on average, more than this
   * many times the requests in flight of the others, and more than one each.
   * @default 1.5
   */
  readonly spillAt?: number | undefined
}

export interface ZonePolicy {
  readonly local: string
  readonly minInstances: number
  readonly minLocalHealth: number
  readonly clients: Readonly<Record<string, number>> | undefined
  readonly spillAt: number
}

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

const zoneKeys: readonly (keyof ZoneOptions)[] = ['local', 'minInstances', 'minLocalHealth', 'clients', 'spillAt']

/** @throws InvalidOptionError */
export function checkZoneOptions(path: string, options: ZoneOptions | string | false): void {
  if (options === false) return
  if (typeof options === 'string') {
    if (options === '') rejectOption(path, 'the name of a zone, ZoneOptions or false', options)
    return
  }
  checkKeys(path, options, zoneKeys)
  if (typeof options.local !== 'string' || options.local === '') {
    rejectOption(`${path}.local`, 'the name of the zone this process runs in', options.local)
  }
  checkInteger(`${path}.minInstances`, options.minInstances, 1, Number.MAX_SAFE_INTEGER)
  checkNumber(`${path}.minLocalHealth`, options.minLocalHealth, 0, 1)
  checkNumber(`${path}.spillAt`, options.spillAt, 1, 1_000)
  if (options.clients !== undefined) checkClients(`${path}.clients`, options.clients, options.local)
}

function checkClients(path: string, clients: Readonly<Record<string, number>>, local: string): void {
  if (typeof clients !== 'object' || clients === null || Array.isArray(clients)) {
    rejectOption(path, 'an object of zone names and numbers', clients)
  }
  for (const [zone, share] of Object.entries(clients)) {
    checkNumber(`${path}.${zone}`, share ?? Number.NaN, 0, Number.MAX_VALUE)
  }
  if (!Object.hasOwn(clients, local) || !((clients[local] as number) > 0)) {
    rejectOption(`${path}.${local}`, 'a number above 0, as this process is one of its clients', clients[local])
  }
}

/** The policy that `options` (checked before) mean. */
export function zonePolicy(options: ZoneOptions | string | false | undefined): ZonePolicy | undefined {
  if (options === undefined || options === false) return undefined
  const given: ZoneOptions = typeof options === 'string' ? { local: options } : options
  return {
    local: given.local,
    minInstances: given.minInstances ?? 6,
    minLocalHealth: given.minLocalHealth ?? 0.7,
    clients: given.clients,
    spillAt: given.spillAt ?? 1.5,
  }
}

/**
 * Splits the traffic of one priority level between the local zone and the others. `usable` are those that may be
 * picked, `members` all of the level.
 *
 * With known client shares the local zone takes upstream share ÷ client share of the traffic, and the others the rest, by
 * what capacity their own clients leave over. Source: Envoy, "Zone aware routing".
 */
export function routeByZone(
  usable: readonly ServiceInstance[],
  members: readonly ServiceInstance[],
  policy: ZonePolicy,
): ZoneRouting {
  const { local, clients } = policy
  const obstacle = inactiveBecause(usable, members, policy)
  if (obstacle !== undefined) {
    return { active: false, reason: obstacle, shares: [{ zone: undefined, share: 1, members: usable }] }
  }
  const near = usable.filter(({ zone }) => zone === local)
  if (clients !== undefined) return byClientShares(usable, near, local, clients)
  const others = usable.filter(({ zone }) => zone !== local)
  return {
    active: true,
    reason: `zone ${local} first, load spills to the others`,
    shares: [
      { zone: local, share: 1, members: near, spillAt: policy.spillAt },
      { zone: undefined, share: 0, members: others },
    ],
  }
}

function inactiveBecause(
  usable: readonly ServiceInstance[],
  members: readonly ServiceInstance[],
  { local, minInstances, minLocalHealth }: ZonePolicy,
): string | undefined {
  if (usable.length < minInstances) return `${usable.length} usable instances, fewer than ${minInstances}`
  const isLocal = ({ zone }: ServiceInstance): boolean => zone === local
  const localUsable = usable.filter(isLocal).length
  if (localUsable === 0) return `no usable instance in zone ${local}`
  if (localUsable === usable.length) return `no usable instance in another zone than ${local}`
  const localAll = members.filter(isLocal).length
  if (localUsable >= minLocalHealth * localAll) return undefined
  return `${localUsable} of ${localAll} instances in zone ${local} are usable, less than ${Math.round(100 * minLocalHealth)} %`
}

function byClientShares(
  usable: readonly ServiceInstance[],
  near: readonly ServiceInstance[],
  local: string,
  clients: Readonly<Record<string, number>>,
): ZoneRouting {
  const weightOf = (list: readonly ServiceInstance[]): number => list.reduce((sum, { weight }) => sum + weight, 0)
  const allWeight = weightOf(usable)
  const allClients = Object.values(clients).reduce((sum, share) => sum + share, 0)
  const clientShare = (zone: string): number => (Object.hasOwn(clients, zone) ? (clients[zone] ?? 0) : 0) / allClients
  const localShare = Math.min(1, weightOf(near) / allWeight / clientShare(local))
  const rest = Array.from(otherZones(usable, local), ([zone, members]) => ({
    zone,
    members,
    residual: Math.max(0, weightOf(members) / allWeight - clientShare(zone)),
  }))
  const residualSum = rest.reduce((sum, { residual }) => sum + residual, 0)
  const shareOf = (residual: number): number => (residualSum > 0 ? residual / residualSum : 1 / rest.length)
  return {
    active: true,
    reason: `${Math.round(1_000 * localShare) / 10} % stay in zone ${local}, by the shares of clients and instances`,
    shares: [
      { zone: local, share: localShare, members: near },
      ...rest.map(({ zone, members, residual }) => ({ zone, members, share: (1 - localShare) * shareOf(residual) })),
    ],
  }
}

function otherZones(usable: readonly ServiceInstance[], local: string): ReadonlyMap<string, ServiceInstance[]> {
  const zones = new Map<string, ServiceInstance[]>()
  for (const instance of usable) {
    const { zone = '' } = instance
    if (zone === local) continue
    const members = zones.get(zone)
    if (members === undefined) zones.set(zone, [instance])
    else members.push(instance)
  }
  return zones
}
