import type { Clock } from '../../base/clock.ts'
import {
  checkClock,
  checkDurationMs,
  checkFunction,
  checkInteger,
  checkKeys,
  hasMethod,
  rejectOption,
  typeTag,
} from '../../base/option-checks.ts'
import type { Random } from '../../base/random.ts'
import type { ServiceDiscovery } from '../discovery.ts'
import type { SnapshotStore } from '../snapshot/store.ts'
import type { CompositeDiscoveryListener } from './event.ts'

/** A member with further options. */
export interface CompositeMember {
  /** The discovery. */
  readonly discovery: ServiceDiscovery
  /** The name in events and errors. @default its `Symbol.toStringTag`, with its number if that occurs twice */
  readonly name?: string | undefined
  /**
   * Added to the priority of its instances, from 0 to 1 000 000, so that they are used if those before them cannot take
   * the requests. With mode `merge` only.
   * @default 0
   */
  readonly priorityOffset?: number | undefined
}

/** How several discoveries are combined. */
export interface CompositeDiscoveryOptions {
  /**
   * - `failover` (the default): the instances of the first member that answers are used; the others are not asked meanwhile
   * - `merge`: all members are asked, and their lists are united
   */
  readonly mode?: 'failover' | 'merge' | undefined
  /**
   * How long the member in use may fail before the next one is asked to take over, in milliseconds, made up to a fifth shorter
   * by chance; its last list is used meanwhile. Default 30 000: elections and restarts of a registry are over by then,
   * and its last list is better than a change of source. With mode `failover` only.
   */
  readonly failoverAfterMs?: number | undefined
  /**
   * How long a member that says nothing at all may hold up those behind it, the first list, and the snapshot, in milliseconds.
   * Default 2 000, well below the `firstListTimeoutMs` of a load balancer.
   */
  readonly firstAnswerTimeoutMs?: number | undefined
  /** Milliseconds between questions to members that cannot push. Default 10 000. */
  readonly refreshIntervalMs?: number | undefined
  /** Where the last lists are kept, to start from while no member answers. Default: nowhere. */
  readonly snapshots?: SnapshotStore | undefined
  /** Older snapshots are not used: their addresses may be others' by now. Milliseconds or `Infinity`; default 24 hours. */
  readonly maxSnapshotAgeMs?: number | undefined
  /** Receives failures that a load balancer does not see, as the list lives on. What it throws is dropped. @default undefined */
  readonly onEvent?: CompositeDiscoveryListener | undefined
  /** Source of time. @default systemClock */
  readonly clock?: Clock | undefined
  /** Source of random numbers in [0, 1). @default Math.random */
  readonly random?: Random | undefined
}

/** A member as the parts of the composite see it. */
export interface CheckedMember {
  readonly discovery: ServiceDiscovery
  readonly name: string
  readonly priorityOffset: number
}

const path = 'CompositeDiscovery'

const optionKeys: readonly (keyof CompositeDiscoveryOptions)[] = [
  'mode',
  'failoverAfterMs',
  'firstAnswerTimeoutMs',
  'refreshIntervalMs',
  'snapshots',
  'maxSnapshotAgeMs',
  'onEvent',
  'clock',
  'random',
]

/** @throws InvalidOptionError */
export function checkCompositeOptions(options: CompositeDiscoveryOptions): void {
  checkKeys(path, options, optionKeys)
  const { mode, snapshots } = options
  if (mode !== undefined && mode !== 'failover' && mode !== 'merge') {
    rejectOption(`${path}.mode`, '"failover" or "merge"', mode)
  }
  for (const name of ['failoverAfterMs', 'firstAnswerTimeoutMs', 'refreshIntervalMs'] as const) {
    checkDurationMs(`${path}.${name}`, options[name], { min: name === 'failoverAfterMs' ? 0 : 1 })
  }
  checkDurationMs(`${path}.maxSnapshotAgeMs`, options.maxSnapshotAgeMs, { infinite: true })
  if (snapshots !== undefined && (typeof snapshots?.load !== 'function' || typeof snapshots.save !== 'function')) {
    rejectOption(`${path}.snapshots`, 'a SnapshotStore with load and save', snapshots)
  }
  checkFunction(`${path}.onEvent`, options.onEvent)
  checkFunction(`${path}.random`, options.random)
  checkClock(`${path}.clock`, options.clock)
}

/** @throws InvalidOptionError */
export function checkMembers(
  members: readonly (ServiceDiscovery | CompositeMember)[],
  mode: 'failover' | 'merge',
): readonly CheckedMember[] {
  if (!Array.isArray(members) || members.length === 0) {
    rejectOption(`${path}.members`, 'an array of at least one ServiceDiscovery', members)
  }
  const checked = members.map((member, index) => checkMember(`${path}.members[${index}]`, member, mode))
  return checked.map((member, index) => {
    const twin = checked.some((other, at) => at !== index && other.name === member.name)
    return twin ? { ...member, name: `${member.name} #${index + 1}` } : member
  })
}

function checkMember(
  at: string,
  member: ServiceDiscovery | CompositeMember,
  mode: 'failover' | 'merge',
): CheckedMember {
  if (isDiscovery(member)) return { discovery: member, name: typeTag(member), priorityOffset: 0 }
  checkKeys(at, member, ['discovery', 'name', 'priorityOffset'])
  const { discovery, name, priorityOffset } = member
  if (!isDiscovery(discovery)) rejectOption(`${at}.discovery`, 'a ServiceDiscovery with getInstances', discovery)
  if (name !== undefined && (typeof name !== 'string' || name === '')) {
    rejectOption(`${at}.name`, 'a string that is not empty', name)
  }
  checkInteger(`${at}.priorityOffset`, priorityOffset, 0, 1_000_000)
  if (priorityOffset !== undefined && mode !== 'merge') {
    rejectOption(`${at}.priorityOffset`, 'absent with mode "failover"', priorityOffset, 'Set mode: "merge"')
  }
  return { discovery, name: name ?? typeTag(discovery), priorityOffset: priorityOffset ?? 0 }
}

function isDiscovery(value: unknown): value is ServiceDiscovery {
  return hasMethod(value, 'getInstances')
}
