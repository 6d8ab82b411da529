import type { PickRequest } from '../balancer/balancer.ts'
import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import { type SlowStartPolicy, slowStartFactor } from '../health/eligibility/slow-start.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import type { InstanceRecord } from './record.ts'
import type { Roster } from './roster.ts'
import type { TrafficRoute } from './traffic-split.ts'

/** The part of its share that an instance takes now: 1 when it is warm. */
export function warmth(record: InstanceRecord, policy: SlowStartPolicy | undefined, nowMs: number): number {
  const { warming } = record
  return policy === undefined || warming === undefined ? 1 : slowStartFactor(nowMs - warming.sinceMs, policy)
}

export interface SlowStartPickOptions {
  readonly clock: Clock
  readonly random: Random
  readonly roster: Pick<Roster, 'records' | 'warmed'>
  readonly settings: { readonly slowStart: SlowStartPolicy | undefined }
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
 * A balancer that hashes would pick the same again, so each further pick has another key, made of the request's: what an instance
 * gives away of a key goes to the same others.
 */
export class SlowStartPicker {
  readonly #options: SlowStartPickOptions
  readonly #warmest = new Map<TrafficRoute, InstanceRecord | undefined>()

  constructor(options: SlowStartPickOptions) {
    this.#options = options
  }

  /** Candidates may have changed, or an instance began its slow start. */
  forget(): void {
    this.#warmest.clear()
  }

  pick(route: TrafficRoute, request: PickRequest | undefined): ServiceInstance | undefined {
    const now = this.#options.clock.now()
    const avoid = request?.avoid
    const warmest = avoid === undefined ? this.#warmestOf(route) : this.#findWarmest(route, avoid)
    const limit = warmest === undefined ? 0 : warmth(warmest, this.#options.settings.slowStart, now)
    const hashKey = request?.hashKey
    let picked = route.pick(request)
    for (let pass = 1; picked !== undefined && !this.#takes(picked, limit, now); pass++) {
      if (pass === maxPasses) return this.#draw(route, avoid, now) ?? picked
      picked = route.pick(hashKey === undefined ? request : { ...request, hashKey: `${hashKey} ${pass}` })
    }
    return picked
  }

  /** Whether a pick of `id` counts, when one as warm as `limit` always does. */
  #takes({ id }: ServiceInstance, limit: number, now: number): boolean {
    const { random, roster, settings } = this.#options
    const record = roster.records.get(id)
    const warming = record?.warming
    if (record === undefined || warming === undefined) return true
    const factor = warmth(record, settings.slowStart, now)
    if (factor >= 1) roster.warmed(record)
    if (warming.picked && factor < limit && random() >= factor / limit) return false
    warming.picked = true
    return true
  }

  /** By weight × warmth. */
  #draw({ candidates }: TrafficRoute, avoid: PickRequest['avoid'], now: number): ServiceInstance | undefined {
    const { random, roster, settings } = this.#options
    const shareOf = ({ id, weight }: ServiceInstance): number => {
      const record = roster.records.get(id)
      return record === undefined || avoid?.has(id) === true ? 0 : weight * warmth(record, settings.slowStart, now)
    }
    let rest = random() * candidates.reduce((sum, candidate) => sum + shareOf(candidate), 0)
    return candidates.find((candidate) => {
      rest -= shareOf(candidate)
      return rest < 0
    })
  }

  #warmestOf(route: TrafficRoute): InstanceRecord | undefined {
    let warmest = this.#warmest.get(route)
    if (warmest === undefined) {
      warmest = this.#findWarmest(route)
      this.#warmest.set(route, warmest)
    }
    return warmest
  }

  /** Of those that may be picked: the first warm one, else the one that began first, which stays the warmest. */
  #findWarmest({ candidates }: TrafficRoute, avoid?: PickRequest['avoid']): InstanceRecord | undefined {
    let warmest: InstanceRecord | undefined
    let sinceMs = Number.POSITIVE_INFINITY
    for (const { id } of candidates) {
      const record = this.#options.roster.records.get(id)
      if (record === undefined || avoid?.has(id) === true) continue
      const { warming } = record
      if (warming === undefined) return record
      if (warming.sinceMs < sinceMs) {
        warmest = record
        sinceMs = warming.sinceMs
      }
    }
    return warmest
  }
}
