import type { ServiceInstance } from '../../instance/instance.ts'
import type { PanicPolicy } from './panic.ts'
import { type LevelLoad, levelLoads } from './priority-levels.ts'
import type { ZonePolicy } from './zone-options.ts'
import { routeByZone, type ZoneRouting } from './zone-routing.ts'

/**
 * What an instance is used for:
 * - `available`: a candidate that the balancer may pick
 * - `standby`: usable, but its priority level gets no traffic now
 * - `drained`: weight 0, gets no new traffic
 * - `unhealthy`: reported by the registry or an active check
 * - `ejected`: its responses failed too often; no traffic until the ejection is over
 * - `half-open`: the ejection is over; one request tests whether the instance has recovered
 */
export type Eligibility = 'available' | 'standby' | 'drained' | 'unhealthy' | 'ejected' | 'half-open'

/** An instance with its health problem, if any. */
export interface Judged {
  /** The instance as the balancer sees it: with its effective weight. */
  readonly candidate: ServiceInstance
  /** `undefined`: none. */
  readonly problem: 'unhealthy' | 'ejected' | 'half-open' | undefined
}

/** Candidates that get a part of the traffic together. */
export interface CandidateGroup {
  /** The same for the same part of the list, whatever its members. */
  readonly key: string
  /** Part of the traffic; all of them sum to 1. */
  readonly share: number
  readonly candidates: readonly ServiceInstance[]
  /** While its load is this many times that of the next group, the next takes over. */
  readonly spillAt?: number
}

export interface EligibilityResult {
  /** The instances that the balancers may pick. Empty if none is left. */
  readonly groups: readonly CandidateGroup[]
  /** Of one of the judged instances. */
  readonly verdictOf: (judged: Judged) => Eligibility
  /** Whether one of the judged instances is a candidate: in panic, also one that is not `available`. */
  readonly isCandidate: (judged: Judged) => boolean
  /** Why health is ignored, or a level is not used; `undefined` when there is no panic. */
  readonly panic: string | undefined
  /** Of the first level that gets traffic. */
  readonly zone: ZoneRouting | undefined
}

export interface EligibilityPolicy {
  readonly panic: PanicPolicy
  readonly zone: ZonePolicy | undefined
}

interface Level {
  readonly priority: number
  readonly members: ServiceInstance[]
  /** The same array as long as all members are. */
  healthy: ServiceInstance[]
}

/**
 * Turns facts into candidates: those with a weight that nothing is known against, of the lowest priorities that can take
 * the traffic, the local zone first; or all of them when too few are healthy (panic).
 */
export function judgeEligibility(judged: readonly Judged[], policy: EligibilityPolicy): EligibilityResult {
  const levels = levelsOf(judged)
  const { panic: panicPolicy } = policy
  const loads = levelLoads(
    levels.map(({ healthy, members }) => ({ healthy: healthy.length, total: members.length })),
    panicPolicy.threshold,
  )
  const groups: CandidateGroup[] = []
  let zone: ZoneRouting | undefined
  let panic: string | undefined
  for (const [index, level] of levels.entries()) {
    const { share, panic: panics } = loads[index] as LevelLoad
    if (share === 0) continue
    if (panics) panic ??= panicReason(level, panicPolicy)
    if (panics && panicPolicy.mode === 'fail') continue
    const usable = panics ? level.members : level.healthy
    if (policy.zone === undefined) {
      groups.push({ key: String(level.priority), share, candidates: usable })
      continue
    }
    const routing = routeByZone(usable, level.members, policy.zone)
    zone ??= routing
    groups.push(...zoneGroups(level, share, routing))
  }
  const loadOf = new Map(levels.map(({ priority }, index) => [priority, loads[index] as LevelLoad]))
  return { groups: summingToOne(groups), panic, zone, ...verdictsBy(loadOf, panicPolicy) }
}

/** The share of a level that is not used for its panic falls to the others. */
function summingToOne(groups: readonly CandidateGroup[]): readonly CandidateGroup[] {
  const sum = groups.reduce((all, { share }) => all + share, 0)
  return Math.abs(sum - 1) < 1e-9 ? groups : groups.map((group) => ({ ...group, share: group.share / sum }))
}

function levelsOf(judged: readonly Judged[]): readonly Level[] {
  const levels = new Map<number, Level>()
  // Most instances have the priority of the one before.
  let level: Level | undefined
  for (const { candidate, problem } of judged) {
    const { weight, priority } = candidate
    if (weight === 0) continue
    if (level?.priority !== priority) level = levels.get(priority) ?? newLevel(levels, priority)
    const { members, healthy } = level
    if (problem !== undefined && healthy === members) level.healthy = [...members]
    members.push(candidate)
    if (problem === undefined && healthy !== members) healthy.push(candidate)
  }
  return [...levels.values()].sort((left, right) => left.priority - right.priority)
}

function newLevel(levels: Map<number, Level>, priority: number): Level {
  const members: ServiceInstance[] = []
  const level = { priority, members, healthy: members }
  levels.set(priority, level)
  return level
}

function zoneGroups({ priority }: Level, share: number, { active, shares }: ZoneRouting): CandidateGroup[] {
  return shares.map(({ zone, share: part, members, spillAt }) => ({
    // No name of a zone gives the key of all the others.
    key: active ? `${priority}${zone === undefined ? ' others' : `/${zone}`}` : String(priority),
    share: share * part,
    candidates: members,
    ...(spillAt === undefined ? undefined : { spillAt }),
  }))
}

function verdictsBy(
  loadOf: ReadonlyMap<number, LevelLoad>,
  { mode }: PanicPolicy,
): Pick<EligibilityResult, 'verdictOf' | 'isCandidate'> {
  let [known, load] = [Number.NaN, undefined as LevelLoad | undefined]
  const loadFor = ({ weight, priority }: ServiceInstance): LevelLoad | undefined => {
    // Most instances have the priority of the one before.
    if (priority !== known) [known, load] = [priority, loadOf.get(priority)]
    return weight > 0 && load !== undefined && load.share > 0 ? load : undefined
  }
  return {
    verdictOf: ({ candidate, problem }) => {
      if (candidate.weight === 0) return 'drained'
      return problem ?? (loadFor(candidate) === undefined ? 'standby' : 'available')
    },
    isCandidate: ({ candidate, problem }) => {
      const used = loadFor(candidate)
      return used !== undefined && (used.panic ? mode === 'all' : problem === undefined)
    },
  }
}

function panicReason({ healthy, members }: Level, { mode }: PanicPolicy): string {
  const state = `${healthy.length} of ${members.length} healthy`
  return mode === 'all' ? `panic: ${state}, health is ignored` : `panic: ${state}, none of them is used`
}
