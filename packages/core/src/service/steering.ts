import { sharesOption } from '../balancer/grouped.ts'
import { InvalidOptionError } from '../base/errors.ts'
import { checkNumber, rejectOption, typeTag } from '../base/option-checks.ts'
import type { InstanceCache } from '../cache/instance-cache.ts'
import type { ServiceSettings } from '../config/service-settings.ts'
import type { Controlled } from '../control/bound-control.ts'
import type { Override } from '../control/override.ts'
import type { Overrides } from '../control/overrides.ts'
import { knownText, unknownInstance } from '../control/unknown-names.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import type { EventChannel } from '../observe/event-channel.ts'
import type { EventFields } from '../observe/events.ts'
import type { Roster } from './roster.ts'
import type { SteeredSplit } from './steered-split.ts'

export interface SteeringOptions {
  readonly service: string
  readonly settings: ServiceSettings
  readonly events: EventChannel
  readonly overrides: Overrides
  readonly cache: InstanceCache
  readonly roster: Roster
  readonly splits: SteeredSplit
}

type Change = Omit<Extract<EventFields, { type: 'override-changed' }>, 'type' | 'service' | 'by'>

/** How many ids of instances that left the list are known. */
const maxDeparted = 1_000

/** Control of one service: checks what an operator wants, keeps it, and has the candidates judged anew. */
export class Steering implements Controlled {
  readonly #options: SteeringOptions
  /** Ids of instances that left the list lately, the latest last. */
  readonly #departed = new Set<string>()
  /** Whether instances with overrides left the list since the absent ones were counted. */
  #mayHaveSurplus = false

  constructor(options: SteeringOptions) {
    this.#options = options
  }

  get overrides(): readonly Override[] {
    return this.#options.overrides.list()
  }

  /** These are not in the list any more. They can still be drained: an instance that comes and goes is a reason to do so. */
  left(removed: readonly ServiceInstance[]): void {
    for (const { id } of removed) {
      this.#departed.delete(id)
      this.#departed.add(id)
    }
    for (const id of this.#departed) {
      if (this.#departed.size <= maxDeparted) break
      this.#departed.delete(id)
    }
    const { overrides } = this.#options
    this.#mayHaveSurplus ||= removed.some(({ id }) => overrides.has(id))
  }

  drain(instanceId: string, by: string | undefined): void {
    this.#checkInstance('drain', instanceId)
    this.#change(() => this.#options.overrides.drain(instanceId, by), { change: 'drained', instanceId }, by)
    this.#dropSurplus(instanceId)
  }

  restore(instanceId: string, by: string | undefined): void {
    this.#checkInstance('restore', instanceId)
    this.#change(() => this.#options.overrides.restore(instanceId), { change: 'restored', instanceId }, by)
  }

  setWeight(instanceId: string, given: number, by: string | undefined): void {
    this.#checkInstance('setWeight', instanceId)
    this.#checkWeight(given)
    const weight = given + 0 // No −0: JSON has none.
    this.#change(
      () => this.#options.overrides.setWeight(instanceId, weight, by),
      { change: 'weight', instanceId, weight },
      by,
    )
    this.#dropSurplus(instanceId)
  }

  setShares(given: Readonly<Record<string, number>> | undefined, by: string | undefined): void {
    if (given !== undefined) this.#checkShares(given)
    const { overrides } = this.#options
    const shares = given && frozenShares(given)
    this.#change(() => overrides.setShares(shares, by), { change: 'shares', ...(shares && { shares }) }, by)
  }

  endEjection(instanceId: string, by: string | undefined): void {
    this.#checkInstance('endEjection', instanceId)
    const tracker = this.#options.roster.records.get(instanceId)?.tracker
    if (tracker?.ejection === undefined) return
    this.#change(
      () => true,
      { change: 'ejection-ended', instanceId },
      by,
      () => tracker.uneject('control'),
    )
  }

  /**
   * If `set` returns that anything changed: emits `change`, then runs `act`. The candidates are judged before the next pick, once for
   * however many changes.
   */
  #change(set: () => boolean, change: Change, by: string | undefined, act?: () => void): void {
    const { service, events, roster } = this.#options
    events.together(() => {
      if (!set()) return
      if (events.active)
        events.emit({ type: 'override-changed', service, ...(by === undefined ? undefined : { by }), ...change })
      act?.()
      roster.changed()
    })
  }

  /** Takes back overrides of absent instances, where there are too many. `instanceId` got an override. */
  #dropSurplus(instanceId: string): void {
    const { overrides, cache, roster } = this.#options
    // To count them costs as much as the list is long.
    if (!this.#mayHaveSurplus && this.#isListed(instanceId)) return
    this.#mayHaveSurplus = false
    const listed = (): Set<string> => new Set([...roster.records.keys(), ...cache.instances.map(({ id }) => id)])
    for (const surplus of overrides.surplus(listed))
      this.#change(() => overrides.restore(surplus), { change: 'restored', instanceId: surplus }, undefined)
  }

  /** It may be outside of the subset that this client uses. */
  #isListed(id: string): boolean {
    const { cache, roster } = this.#options
    return roster.records.has(id) || cache.instances.some((instance) => instance.id === id)
  }

  #checkInstance(method: string, id: unknown): asserts id is string {
    if (typeof id !== 'string' || id === '') rejectOption(`control.${method}.instanceId`, 'the id of an instance', id)
    const { service, overrides, cache } = this.#options
    if (overrides.has(id) || this.#departed.has(id) || this.#isListed(id)) return
    const known = cache.state.kind === 'waiting' ? undefined : cache.instances.map((instance) => instance.id)
    throw unknownInstance(service, id, known)
  }

  #checkWeight(weight: number): void {
    checkNumber('control.setWeight.weight', weight ?? null, 0, Number.MAX_VALUE)
    const { service, splits, settings } = this.#options
    const { balancer } = splits
    if (weight === 0 || settings.balancer === undefined || balancer.heedsWeights !== false) return
    throw new InvalidOptionError(
      'control.setWeight.weight',
      `control.setWeight.weight has no effect: ${service} has a ${typeTag(balancer)}, which ignores weights. Leave its option balancer out, or use smooth-weighted-round-robin`,
    )
  }

  #checkShares(shares: Readonly<Record<string, number>>): void {
    const { service, splits } = this.#options
    const path = 'control.setShares.shares'
    sharesOption.check(path, shares ?? null)
    const groups = splits.current.balancerGroups
    if (groups === undefined) {
      throw new InvalidOptionError(
        path,
        `${path} has no effect: ${service} has a ${typeTag(splits.balancer)}, which has no groups. Use balancer: () => new GroupedBalancer({ groupOf, shares })`,
      )
    }
    for (const name of Object.keys(shares)) {
      if (groups.includes(name)) continue
      throw new InvalidOptionError(
        `${path}.${name}`,
        `${path}.${name} is no group of ${service}. ${knownText(name, groups)}`,
      )
    }
  }
}

/** A copy that nothing changes: events and `inspect()` show it. */
function frozenShares(given: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.freeze(Object.fromEntries(Object.entries(given).map(([name, share]) => [name, share + 0])))
}
