import { InvalidOptionError } from '../base/errors.ts'
import { checkNumber, rejectOption } from '../base/option-checks.ts'
import {
  checkOptions,
  type DefaultedOption,
  functionOption,
  integerOption,
  type Option,
  type OptionTable,
  randomOption,
  withDefaults,
} from '../base/option-table.ts'
import type { Random } from '../base/random.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import { type Balancer, distinctById, type PickRequest } from './balancer.ts'
import { RoundRobinBalancer } from './round-robin.ts'
import { SmoothWeightedSchedule } from './smooth-weighted/schedule.ts'

/** Options of a `GroupedBalancer`. */
export interface GroupedOptions {
  /**
   * The group of an instance, such as `(instance) => instance.metadata.version`. Instances for which it returns
   * `undefined` form the group `''`.
   * @default the weight of the instance
   */
  readonly groupOf?: (instance: ServiceInstance) => string | undefined
  /**
   * Share of each group, finite and ≥ 0, such as `{ stable: 95, canary: 5 }`. If shares are given, a group without a
   * share has share 0: it is used only as a fallback, or if no group with a share has a member.
   * @default the sum of the weights of a group's members
   */
  readonly shares?: Readonly<Record<string, number>> | undefined
  /**
   * Groups that take over the share of a named group without members: the first of these that has any.
   * @default none: that share is spread over the other groups, by their shares
   */
  readonly fallback?: readonly string[] | undefined
  /** Steps into the cycle of groups, and index within each group, of the first pick; an integer ≥ 0. @default random */
  readonly start?: number | undefined
  /** Source of random numbers in [0, 1). @default Math.random */
  readonly random?: Random | undefined
}

/** What may be said of shares. */
export const sharesOption: Option<Readonly<Record<string, number>>> = {
  legal: 'object of group names and numbers ≥ 0, at least one above 0',
  check: (path, given) => {
    if (given === undefined) return
    if (typeof given !== 'object' || given === null || Array.isArray(given)) {
      rejectOption(path, 'an object of group names and numbers', given)
    }
    const entries = Object.entries<number | undefined>({ ...given })
    for (const [key, share] of entries) checkNumber(`${path}.${key}`, share ?? Number.NaN, 0, Number.MAX_VALUE)
    if (!entries.some(([, share = 0]) => share > 0)) {
      throw new InvalidOptionError(
        path,
        `${path} must give at least one group a share above 0. Leave it out to weigh groups by their members`,
      )
    }
  },
}

const fallbackOption: DefaultedOption<readonly string[]> = {
  legal: 'array of group names',
  default: [],
  check: (path, given) => {
    if (given === undefined) return
    if (!Array.isArray(given) || given.some((key) => typeof key !== 'string')) {
      rejectOption(path, 'an array of group names', given)
    }
  },
}

const groupOfOption: DefaultedOption<(instance: ServiceInstance) => string | undefined> = {
  ...functionOption(),
  default: ({ weight }) => String(weight),
}

/** What may be said of the balancer. */
export const groupedTable: OptionTable<GroupedOptions, 'shares' | 'start'> = {
  groupOf: groupOfOption,
  shares: sharesOption,
  fallback: fallbackOption,
  start: integerOption({}),
  random: randomOption(),
}

interface Group {
  readonly key: string
  readonly share: number
  readonly members: readonly ServiceInstance[]
  readonly balancer: RoundRobinBalancer
}

/**
 * Splits the traffic between groups by weight, and picks by round robin within each. A pick costs O(groups) at worst,
 * and O(1) once a cycle is complete.
 *
 * With the defaults (a group for each weight), every instance gets exactly its weighted share, at a cost that grows
 * with the number of different weights instead of the number of instances.
 *
 * Sources: nginx, `ngx_http_upstream_get_peer`, between groups (see `SmoothWeightedSchedule`); round robin within each.
 */
export class GroupedBalancer implements Balancer {
  readonly #groupOf: (instance: ServiceInstance) => string | undefined
  readonly #ownShares: ReadonlyMap<string, number> | undefined
  #shares: ReadonlyMap<string, number> | undefined
  readonly #fallback: readonly string[]
  readonly #start: number | undefined
  readonly #random: Random
  #turns: SmoothWeightedSchedule<Group>
  #groups: ReadonlyMap<string, Group> = new Map()

  /** @throws InvalidOptionError */
  constructor(options: GroupedOptions = {}) {
    checkOptions('GroupedBalancer', options, groupedTable)
    const { groupOf, shares, fallback, start, random } = withDefaults(options, groupedTable)
    this.#groupOf = groupOf
    this.#ownShares = shares === undefined ? undefined : new Map(Object.entries(shares))
    this.#shares = this.#ownShares
    this.#fallback = [...fallback]
    this.#start = start
    this.#random = random
    this.#turns = newTurns(start ?? random)
  }

  get [Symbol.toStringTag](): string {
    return 'GroupedBalancer'
  }

  /** The groups that have members, and those that were named by `shares` and `fallback`. */
  get groups(): readonly string[] {
    return [...new Set([...this.#groups.keys(), ...(this.#ownShares?.keys() ?? []), ...this.#fallback])]
  }

  /** The share of the picks that each candidate is to get, by id: that of its group, split evenly. */
  wantedShares(): ReadonlyMap<string, number> {
    const groups = Array.from(this.#groups.values())
    const sum = groups.reduce((all, { share }) => all + share, 0)
    // Without any share, groups count as equal.
    const partOf = ({ share }: Group): number => (sum > 0 ? share / sum : 1 / groups.length)
    const shares = groups.flatMap((group) =>
      group.members.map(({ id }) => [id, partOf(group) / group.members.length] as const),
    )
    return new Map(shares)
  }

  /**
   * Other shares from now on, as the option `shares` says them; `undefined`: that option's. A new cycle starts, at a random step
   * unless `start` is given, so that every share is exact from the next pick. Within the groups, picks continue.
   *
   * @throws InvalidOptionError
   */
  setShares(shares: Readonly<Record<string, number>> | undefined): void {
    sharesOption.check('GroupedBalancer.shares', shares)
    this.#shares = shares === undefined ? this.#ownShares : new Map(Object.entries(shares))
    this.#turns = newTurns(this.#start ?? this.#random)
    this.update(Array.from(this.#groups.values()).flatMap(({ members }) => members))
  }

  /**
   * Replaces the candidates; the remaining ones keep their state.
   *
   * @throws InvalidOptionError if `groupOf` returns anything but a string or `undefined`
   */
  update(candidates: readonly ServiceInstance[]): void {
    const groups = this.#regroup(distinctById(candidates))
    this.#groups = new Map(groups.map((group) => [group.key, group]))
    this.#turns.update(groups)
  }

  /** Picks the next group by its share, and the next instance of that group. */
  pick(request?: PickRequest): ServiceInstance | undefined {
    const avoid = request?.avoid
    if (avoid === undefined || avoid.size === 0) return this.#turns.next()?.balancer.pick()
    const group = this.#turns.nextExcept((each) => allAvoided(each, avoid))
    return group === undefined ? this.#turns.next()?.balancer.pick() : group.balancer.pick(request)
  }

  #regroup(candidates: readonly ServiceInstance[]): Group[] {
    const members = new Map<string, ServiceInstance[]>()
    for (const candidate of candidates) {
      const key = this.#groupOf(candidate) ?? ''
      if (typeof key !== 'string') rejectOption('GroupedBalancer.groupOf()', 'a string or undefined', key)
      const group = members.get(key)
      if (group === undefined) members.set(key, [candidate])
      else group.push(candidate)
    }
    const shares = this.#effectiveShares(members)
    return Array.from(members, ([key, instances]) => {
      const balancer = this.#groups.get(key)?.balancer ?? this.#newRoundRobin()
      balancer.update(instances)
      return { key, share: shares.get(key) ?? 0, members: instances, balancer }
    })
  }

  #effectiveShares(members: ReadonlyMap<string, readonly ServiceInstance[]>): ReadonlyMap<string, number> {
    if (this.#shares === undefined) return sumsOfWeights(members)
    const shares = new Map<string, number>()
    const standIn = this.#fallback.find((key) => members.has(key))
    for (const [key, share] of this.#shares) {
      const taker = members.has(key) ? key : standIn
      if (taker !== undefined) shares.set(taker, (shares.get(taker) ?? 0) + share)
    }
    return shares
  }

  #newRoundRobin(): RoundRobinBalancer {
    return new RoundRobinBalancer(this.#start === undefined ? { random: this.#random } : { start: this.#start })
  }
}

function newTurns(phase: number | Random): SmoothWeightedSchedule<Group> {
  return new SmoothWeightedSchedule(phase, { keyOf: ({ key }) => key, weightOf: ({ share }) => share })
}

function sumsOfWeights(members: ReadonlyMap<string, readonly ServiceInstance[]>): ReadonlyMap<string, number> {
  const sums = (scale: number): [string, number][] =>
    Array.from(members, ([key, group]) => [key, group.reduce((sum, { weight }) => sum + weight / scale, 0)])
  const plain = sums(1)
  // The sum of huge weights overflows; only the proportions count.
  return new Map(plain.every(([, sum]) => Number.isFinite(sum)) ? plain : sums(Number.MAX_VALUE))
}

function allAvoided(group: Group, avoid: ReadonlySet<string>): boolean {
  return group.members.length <= avoid.size && group.members.every((instance) => avoid.has(instance.id))
}
