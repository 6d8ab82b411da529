import type { PickRequest } from './balancer/balancer.ts'
import type { Clock } from './clock.ts'
import { type SlowStartPolicy, slowStartFactor } from './health/slow-start.ts'
import type { ServiceInstance } from './instance.ts'
import type { InstanceRecord } from './instance-record.ts'
import type { InstanceRoster } from './instance-roster.ts'
import type { Random } from './random.ts'
import type { TrafficRoute } from './traffic-split.ts'

/** The part of its share that an instance takes now: 1 when it is warm. */
export function warmth(record: InstanceRecord, policy: SlowStartPolicy | undefined, nowMs: number): number {
  const { warmingSinceMs } = record
  if (policy === undefined || Number.isNaN(warmingSinceMs)) return 1
  return slowStartFactor(nowMs - warmingSinceMs, policy)
}

export interface SlowStartPickOptions {
  readonly clock: Clock
  readonly random: Random
  readonly roster: Pick<InstanceRoster, 'records' | 'warming' | 'warmed'>
  readonly settings: { readonly slowStart: SlowStartPolicy | undefined }
}

/** What slow start has to know of the candidates of one route. */
interface RouteWarmth {
  readonly warmest: InstanceRecord | undefined
  /** Those in their slow start. */
  readonly warming: readonly InstanceRecord[]
}

/** Picks that are given away before one is drawn without the balancer. */
const maxPasses = 16

/**
 * Picks while instances are in their slow start, so that the share of each is that of its weight × warmth among those of its route.
 *
 * A pick counts with the probability of its warmth ÷ that of the warmest, else the balancer picks again (rejection sampling). That is
 * exact for any mix of warmths, with every balancer, also one that ignores weights, and no schedule is rebuilt as instances warm. The
 * first pick of an instance always counts: it does not wait out the window in vain.
 *
 * A balancer that hashes would pick the same again. What an instance gives away of its keys goes to other owners of these keys, to each
 * in proportion to what it lacks.
 */
export class SlowStartPicker {
  readonly #options: SlowStartPickOptions
  readonly #routes = new Map<TrafficRoute, RouteWarmth>()

  constructor(options: SlowStartPickOptions) {
    this.#options = options
  }

  /** Candidates may have changed, or an instance began its slow start. */
  forget(): void {
    this.#routes.clear()
  }

  pick(route: TrafficRoute, request: PickRequest | undefined): ServiceInstance | undefined {
    const now = this.#options.clock.now()
    if (request?.hashKey !== undefined) return this.#pickHashed(route, request, now)
    const limit = this.#warmestOf(route, request?.avoid, now)
    let picked: ServiceInstance | undefined
    for (let pass = 0; pass < maxPasses; pass++) {
      picked = route.pick(request)
      if (picked === undefined || this.#takes(picked, limit, now)) return picked
    }
    return this.#draw(route, request?.avoid, now) ?? picked
  }

  #pickHashed(route: TrafficRoute, request: PickRequest, now: number): ServiceInstance | undefined {
    const { records, slowStart } = this.#context
    const { warming } = this.#routeWarmth(route)
    const picked = route.pick(request)
    const mean = this.#meanOf(route, warming, now)
    if (picked === undefined || this.#takes(picked, mean, now)) return picked
    const avoid = new Set(request.avoid).add(picked.id)
    for (const record of warming) if (warmth(record, slowStart, now) <= mean) avoid.add(record.instance.id)
    const most = this.#warmestOf(route, undefined, now) - mean
    let other = route.pick({ ...request, avoid })
    for (let pass = 0; pass < maxPasses && other !== undefined && !avoid.has(other.id); pass++) {
      const record = records.get(other.id)
      const lacks = record === undefined ? most : warmth(record, slowStart, now) - mean
      if (lacks >= most || this.#options.random() < lacks / most) return other
      avoid.add(other.id)
      other = route.pick({ ...request, avoid })
    }
    return picked
  }

  /** Whether a pick of `id` counts, when one as warm as `limit` always does. */
  #takes({ id }: ServiceInstance, limit: number, now: number): boolean {
    const { random, roster } = this.#options
    const record = roster.records.get(id)
    if (record === undefined || !roster.warming.has(record)) return true
    const factor = warmth(record, this.#context.slowStart, now)
    if (factor >= 1) roster.warmed(record)
    if (record.warmingPicked && factor < limit && random() >= factor / limit) return false
    record.warmingPicked = true
    return true
  }

  /** By weight × warmth. */
  #draw({ candidates }: TrafficRoute, avoid: PickRequest['avoid'], now: number): ServiceInstance | undefined {
    const { records, slowStart } = this.#context
    const shareOf = ({ id, weight }: ServiceInstance): number => {
      const record = records.get(id)
      return record === undefined || avoid?.has(id) === true ? 0 : weight * warmth(record, slowStart, now)
    }
    let rest = this.#options.random() * candidates.reduce((sum, candidate) => sum + shareOf(candidate), 0)
    return candidates.find((candidate) => {
      rest -= shareOf(candidate)
      return rest < 0
    })
  }

  /** Warmth of the warmest that may be picked. */
  #warmestOf(route: TrafficRoute, avoid: PickRequest['avoid'], now: number): number {
    const { slowStart } = this.#context
    const { warmest } = avoid === undefined ? this.#routeWarmth(route) : this.#look(route, avoid)
    return warmest === undefined ? 0 : warmth(warmest, slowStart, now)
  }

  /** Mean warmth, by weight. */
  #meanOf({ totalWeight }: TrafficRoute, warming: readonly InstanceRecord[], now: number): number {
    const { slowStart } = this.#context
    const missing = warming.reduce(
      (sum, record) => sum + record.candidate.weight * (1 - warmth(record, slowStart, now)),
      0,
    )
    return totalWeight > 0 ? 1 - missing / totalWeight : 1
  }

  #routeWarmth(route: TrafficRoute): RouteWarmth {
    let known = this.#routes.get(route)
    if (known === undefined) {
      known = this.#look(route)
      this.#routes.set(route, known)
    }
    return known
  }

  #look({ candidates }: TrafficRoute, avoid?: PickRequest['avoid']): RouteWarmth {
    const { records } = this.#context
    const warming: InstanceRecord[] = []
    let warmest: InstanceRecord | undefined
    for (const { id } of candidates) {
      const record = records.get(id)
      if (record === undefined || avoid?.has(id) === true) continue
      const isWarm = Number.isNaN(record.warmingSinceMs)
      if (!isWarm) warming.push(record)
      // The one that began first stays the warmest.
      if (isWarm || warmest === undefined || record.warmingSinceMs < warmest.warmingSinceMs) warmest = record
    }
    return { warmest, warming }
  }

  get #context(): Pick<InstanceRoster, 'records'> & { readonly slowStart: SlowStartPolicy | undefined } {
    const { roster, settings } = this.#options
    return { records: roster.records, slowStart: settings.slowStart }
  }
}
