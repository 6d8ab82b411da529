import type { Balancer, PickRequest } from '../balancer/balancer.ts'
import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import type { InstancesDiff } from '../cache/diff-instances.ts'
import type { ServiceSettings } from '../config/service-settings.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import type { MetadataMatch } from '../instance/metadata-match.ts'
import type { Candidates } from './candidates.ts'
import type { Capacity } from './capacity.ts'
import type { MetadataSubsets } from './metadata-subsets.ts'
import type { InstanceRecord } from './record.ts'
import type { Roster } from './roster.ts'
import { SlowStartPicker } from './slow-start-pick.ts'
import type { TrafficRoute, TrafficSplit } from './traffic-split.ts'

export interface PickerOptions {
  readonly settings: ServiceSettings
  readonly clock: Clock
  readonly random: Random
  readonly roster: Roster
  readonly candidates: Candidates
  readonly capacity: Capacity
  /** Ids of instances to pass over while others are left. */
  readonly suspects: ReadonlySet<string>
  /** Where requests go that match metadata; `undefined`: the service routes by none. */
  readonly subsets: MetadataSubsets | undefined
}

/** What an attempt says of its pick. */
export interface AttemptPickRequest extends PickRequest {
  /** Ids of the instances that the call has tried: passed over before those that its caller avoids. */
  readonly tried?: ReadonlySet<string>
  /** Those of them on which an attempt timed out: passed over first. */
  readonly timedOut?: ReadonlySet<string>
}

/** An instance that was picked, and the route it was picked from. */
export interface Picked {
  readonly record: InstanceRecord
  readonly route: TrafficRoute
  /** Whether the request is the one that tries the instance after its ejection. */
  readonly probe: boolean
}

const none: ReadonlySet<string> = new Set()

/**
 * Whether a request may be the one that tries an instance after its ejection: `always`, since it can do without its
 * answer; `refused`, where a refused connection took the instance out: if that happens again, the request was not sent
 * and is repeated elsewhere; `never`.
 */
export type MayProbe = 'always' | 'refused' | 'never'

/** An instance that no harmless request came to try for this long is tried by any. */
const probeByAnyAfterMs = 10_000

/**
 * Picks an instance of one service: a probe that is due, or what the balancer of the next route says. It alone decides when facts that
 * changed are judged: once, before the next pick.
 */
export class Picker {
  readonly #options: PickerOptions
  readonly #slowStart: SlowStartPicker
  /** What picks for the only route, while nothing stands between it and a pick. */
  #chooser: Balancer | undefined
  /** The route of the last pick. */
  #route: TrafficRoute
  /** Whether facts changed that are not judged yet. */
  #isDirty = false
  /** Whether a list was ever applied: one that a balancer did not take is not known yet. */
  #isListed = false

  constructor(options: PickerOptions) {
    this.#options = options
    this.#slowStart = new SlowStartPicker(options)
    this.#route = options.candidates.split.first
  }

  /** The list changed. Throws what a balancer throws; the change is then to be given again. */
  apply(diff: InstancesDiff): void {
    const { roster } = this.#options
    roster.apply(diff)
    this.#judge()
    roster.taken()
    this.#isListed = true
  }

  /** Facts changed that are to be judged before the next pick. */
  unsettle(): void {
    this.#isDirty = true
    this.#chooser = undefined
  }

  /** Has judged what changed since. */
  settle(): void {
    if (this.#chooser !== undefined) return
    const { roster, candidates, settings } = this.#options
    if (this.#isDirty && !roster.isApplying) {
      try {
        this.#judge()
      } catch {
        // A balancer of the application's: it was emitted, and others stand in for it.
      }
    }
    const { only } = candidates.split
    if (only === undefined || this.#isDirty || !this.#isListed || this.#options.subsets !== undefined) return
    if (roster.warming.size > 0 || settings.loadReports !== undefined || candidates.areCopies) return
    this.#route = only
    this.#chooser = only.chooser
  }

  /** Whether an instance that a request with this match may be sent to has none of these ids, nor of those that are `full`. */
  hasCandidateBeyond(ids: ReadonlySet<string>, match?: MetadataMatch, full: ReadonlySet<string> = none): boolean {
    this.settle()
    const split = this.#splitFor(match, ids)
    return split?.hasCandidateBeyond(full.size === 0 ? ids : new Set([...ids, ...full])) === true
  }

  /** Whether there are candidates, and only none for a request with this match: values come from requests, and more lists help no one. */
  isUnmatched(match: MetadataMatch | undefined): boolean {
    if (match === undefined || this.#options.subsets === undefined || this.hasCandidateBeyond(none, match)) return false
    return this.hasCandidateBeyond(none)
  }

  /** Whether a request with this match would find an instance with room, or none at all. */
  hasRoomFor(match: MetadataMatch | undefined): boolean {
    this.settle()
    const split = this.#splitFor(match)
    return split?.hasCandidateBeyond(none) !== true || split.hasCandidateBeyond(this.#options.capacity.fullInstances())
  }

  /** Hot. `undefined`: there is no candidate. */
  pick(request?: PickRequest): ServiceInstance | undefined {
    const chooser = this.#chooser
    if (chooser === undefined) return this.#choose(request)
    try {
      return chooser.pick(request)
    } catch (error) {
      throw this.#route.pickFailed(error)
    }
  }

  /**
   * Picks for a request that will count in flight. `full`: every instance has as many as it may.
   */
  take(request: AttemptPickRequest | undefined, mayProbe: MayProbe): Picked | 'full' | undefined {
    const { capacity, roster, suspects } = this.#options
    if (roster.halfOpen.size > 0) {
      const probe = this.#takeProbe(request, mayProbe)
      if (probe !== undefined) return probe
    }
    const isPlain = request?.tried === undefined && (suspects.size === 0 || request?.hashKey !== undefined)
    const preferring = isPlain ? request : this.#preferring(request, none)
    let instance = this.pick(preferring)
    // No other is left: trying it is better than refusing.
    if (instance === undefined)
      return roster.halfOpen.size > 0 ? this.#takeProbe(matchOf(request), 'always') : undefined
    let route = this.#route
    if (capacity.limitsInstances && capacity.isFull(instance.id)) {
      const full = capacity.fullInstances()
      const split = this.#splitFor(request?.match, request?.tried)
      const hasRoom = split?.hasCandidateBeyond(full) === true
      instance = hasRoom ? this.#choose(this.#preferring(request, full)) : undefined
      if (instance === undefined || full.has(instance.id)) return 'full'
      route = this.#route
    }
    const record = roster.records.get(instance.id)
    // Only a balancer of the user's own can give an instance that it was not given.
    return record === undefined ? undefined : { record, route, probe: false }
  }

  // Settled even if a balancer of the application's throws: it is not asked again before something changes.
  #judge(): void {
    this.#isDirty = false
    this.#chooser = undefined
    this.#slowStart.forget()
    try {
      this.#options.candidates.judge()
    } finally {
      // A balancer of the application's may have picked meanwhile.
      this.#chooser = undefined
    }
  }

  #choose(request?: AttemptPickRequest): ServiceInstance | undefined {
    if (!this.#isListed) return undefined
    this.settle()
    const { roster, candidates, settings } = this.#options
    const split = this.#splitFor(request?.match, request?.tried)
    if (split === undefined) return undefined
    const route = split.next(request)
    this.#route = route
    const picked = roster.warming.size > 0 ? this.#slowStart.pick(route, request) : route.pick(request)
    // With weights that were learnt or set at run time, the balancers see copies.
    if (picked === undefined || (settings.loadReports === undefined && !candidates.areCopies)) return picked
    return roster.records.get(picked.id)?.instance ?? picked
  }

  /**
   * Passes over the `full` ones, then those on which an attempt timed out, then those that were tried, then those that the caller
   * avoids, then suspects: each layer as far as an instance is left beyond it.
   */
  #preferring(request: AttemptPickRequest | undefined, full: ReadonlySet<string>): AttemptPickRequest {
    this.settle()
    const split = this.#splitFor(request?.match, request?.tried)
    let avoid = full
    for (const layer of [request?.timedOut, request?.tried, request?.avoid, this.#options.suspects]) {
      if (layer === undefined || layer.size === 0) continue
      const both = avoid.size === 0 ? layer : new Set([...avoid, ...layer])
      if (split?.hasCandidateBeyond(both) === true) avoid = both
    }
    if (request?.match !== undefined) return { ...request, avoid }
    return request?.hashKey === undefined ? { avoid } : { hashKey: request.hashKey, avoid }
  }

  /** Of the candidates, those for a request with this match that has tried some. */
  #splitFor(match: MetadataMatch | undefined, tried?: ReadonlySet<string>): TrafficSplit | undefined {
    const { subsets, candidates } = this.#options
    return subsets === undefined || match === undefined ? candidates.split : subsets.splitFor(match, tried)
  }

  #takeProbe(request: AttemptPickRequest | undefined, mayProbe: MayProbe): Picked | undefined {
    const { roster, candidates, clock, capacity, subsets } = this.#options
    const now = clock.now()
    for (const record of roster.halfOpen) {
      const { tracker } = record
      const { id } = record.instance
      if (tracker === undefined || !isWorthTrying(record)) continue
      if (request?.avoid?.has(id) === true || request?.tried?.has(id) === true) continue
      if (request?.match !== undefined && subsets?.mayProbe(request.match, record) === false) continue
      const harmless = mayProbe === 'always' || (mayProbe === 'refused' && tracker.refused)
      if ((!harmless && now - tracker.sinceMs < probeByAnyAfterMs) || capacity.isFull(id)) continue
      if (tracker.tryProbe()) return { record, route: candidates.split.first, probe: true }
    }
    return undefined
  }
}

/** Not when it is drained, or when others than its own answers say that it is unhealthy. */
function isWorthTrying({ candidate, instance, health }: InstanceRecord): boolean {
  return candidate.weight > 0 && instance.healthy !== false && health?.state.status !== 'unhealthy'
}

/** A request that says no more than what it matches. */
function matchOf(request: PickRequest | undefined): PickRequest | undefined {
  return request?.match && { match: request.match }
}
