import type { Clock } from '../../base/clock.ts'
import { fieldsOf } from '../../base/fields.ts'
import { longestLatencyMs } from '../../base/latency.ts'
import {
  checkOptions,
  clockOption,
  durationOption,
  type OptionTable,
  randomOption,
  withDefaults,
} from '../../base/option-table.ts'
import type { Random } from '../../base/random.ts'
import type { ServiceInstance } from '../../instance/instance.ts'
import type { Outcome } from '../../instance/outcome.ts'
import type { Balancer, PickRequest } from '../balancer.ts'
import type { Load } from './load-table.ts'
import { PeakAverage } from './peak-average.ts'
import { SampledLoads } from './sampled-loads.ts'
import { TypicalLatency } from './typical-latency.ts'

/** Options of a `PeakEwmaBalancer`. */
export interface PeakEwmaOptions {
  /**
   * Time constant in milliseconds, ≥ 1: after this time, an average has a weight of 1/e, about 37 %.
   * @default 10_000
   */
  readonly decayMs?: number | undefined
  /**
   * What each failure adds to the average, in milliseconds, ≥ 0, up to ten times this value, so that failing fast
   * attracts no traffic. A request that its caller aborted is not a failure. A refused connection reveals nothing about
   * latencies: its instance is skipped for a second.
   * @default 1_000
   */
  readonly failurePenaltyMs?: number | undefined
  /** Source of time. @default systemClock */
  readonly clock?: Clock | undefined
  /** Source of random numbers in [0, 1). @default Math.random */
  readonly random?: Random | undefined
}

/** What may be said of the balancer. */
export const peakEwmaTable: OptionTable<PeakEwmaOptions> = {
  decayMs: durationOption({ min: 1, default: 10_000 }),
  failurePenaltyMs: durationOption({ default: 1_000 }),
  clock: clockOption(),
  random: randomOption(),
}

/** More than any latency: the cost of an instance whose first response is awaited. */
const unansweredMs = 1e15
/** The cost of an instance that has just refused a connection: more than any other. */
const refusedMs = 1e18
/** How long that cost applies. A returning instance is then found soon, and any other is ejected after a few tries. */
const refusedForMs = 1_000
/** A series of failures adds at most this many penalties, which take a few decay times to pass. */
const maxPenalties = 10

interface LatencyLoad extends Load {
  readonly average: PeakAverage
  /** How many picks there were when it joined. */
  readonly joinedAt: number
  /** When it last refused a connection; NaN if it has not since its last response. */
  refusedAtMs: number
}

/**
 * Picks the cheaper of two different random instances, or of all if there are at most four. The cost is the expected
 * latency of a request: the peak average × (requests in flight ÷ weight + 1), with weights relative to their mean.
 * Draws are also by weight, and equal costs stay with the first instance. So at equal latencies, weights are shares,
 * both idle and under load; a plain division by the weight would starve the lighter instance while idle. A pick is
 * O(log instances), and O(instances) while it finds only instances whose first response is awaited.
 *
 * - An unknown instance counts as the mean of what was observed, halved with as many picks as there are instances, so
 *   that it is tried soon. A client with few calls and many instances would otherwise spend all of them on instances
 *   that it does not know, and send as many to slow ones as round robin does. Only one request tries it, until its
 *   response arrives.
 * - An average decays while the instance is idle, so that a slow instance is tried again. While requests are in flight
 *   it counts in full, so that one request tries the instance and not a flood.
 * - A failure counts as a response slower than any before; see `failurePenaltyMs`.
 * - Picks that avoid instances compare all others.
 * - A pick allocates nothing but the numbers that it draws, mostly two: V8 puts each in an object of 16 bytes.
 *
 * Source: Finagle's peak EWMA load metric; see `PeakAverage`.
 */
export class PeakEwmaBalancer implements Balancer {
  /** False: `hashKey` has no effect. */
  readonly heedsHashKey: boolean = false
  readonly #clock: Clock
  readonly #penaltyMs: number
  readonly #candidates: SampledLoads<LatencyLoad>
  readonly #typical = new TypicalLatency()
  /** What the instances of the sample cost, in its order. */
  #costs: Float64Array = new Float64Array(0)
  #picks = 0

  /** @throws InvalidOptionError */
  constructor(options: PeakEwmaOptions = {}) {
    checkOptions('PeakEwmaBalancer', options, peakEwmaTable)
    const { decayMs, failurePenaltyMs, clock, random } = withDefaults(options, peakEwmaTable)
    this.#clock = clock
    this.#penaltyMs = failurePenaltyMs
    this.#candidates = new SampledLoads(random, 2, (instance) => ({
      instance,
      active: 0,
      listed: false,
      average: new PeakAverage(decayMs),
      joinedAt: this.#picks,
      refusedAtMs: Number.NaN,
    }))
  }

  get [Symbol.toStringTag](): string {
    return 'PeakEwmaBalancer'
  }

  /** Replaces the candidates; the remaining ones and those that rest keep their state. */
  update(candidates: readonly ServiceInstance[], resting: readonly ServiceInstance[] = []): void {
    this.#candidates.update(candidates, resting)
    this.#costs = new Float64Array(this.#candidates.instances.length)
  }

  /** Picks the cheaper of two random instances. */
  pick(request?: PickRequest): ServiceInstance | undefined {
    const { instances, sample } = this.#candidates
    if (instances.length === 0) return undefined
    this.#picks++
    if (request?.avoid !== undefined && request.avoid.size > 0) return this.#pickAvoiding(request.avoid)
    const cheapest = this.#cheapest(sample.others(sample.first()))
    // Any other instance costs less than one whose first response is awaited.
    const better = this.#awaitsFirst(cheapest) ? this.#cheapest(sample.allExcept(none)) : cheapest
    return instances[better]
  }

  /** Counts a request in flight on `instance`. */
  started(instance: ServiceInstance): void {
    this.#candidates.started(instance)
  }

  /** Ends a request in flight on `instance`. */
  finished(instance: ServiceInstance, outcome: Outcome): void {
    const load = this.#candidates.finished(instance)
    const { latencyMs } = outcome
    if (load === undefined || !(latencyMs >= 0)) return
    const { average } = load
    const observedMs = Math.min(latencyMs, longestLatencyMs)
    const nowMs = this.#clock.now()
    load.refusedAtMs = outcome.refused === true ? nowMs : Number.NaN
    if (outcome.refused === true) return
    if (outcome.ok) {
      average.observe(observedMs, nowMs)
      this.#typical.observe(observedMs)
    } else if (!saysNothing(outcome)) {
      const { lastMs } = average
      const penalizedMs = Math.min(lastMs + this.#penaltyMs, maxPenalties * this.#penaltyMs)
      average.observe(Math.max(observedMs, lastMs, penalizedMs), nowMs)
    } else if (average.known && observedMs > average.lastMs) {
      // It would have taken even longer; a short wait proves nothing.
      average.observe(observedMs, nowMs)
    }
  }

  #pickAvoiding(avoid: ReadonlySet<string>): ServiceInstance | undefined {
    const count = this.#candidates.sampleAllBut(avoid)
    return count === 0 ? this.pick() : this.#candidates.instances[this.#cheapest(count)]
  }

  /** The first of the `count` slots in the sample, or one that is cheaper; of several, one by weight. */
  #cheapest(count: number): number {
    const { slots, weights } = this.#candidates.sample
    const costs = this.#costs
    this.#appraise(count)
    let best = slots[0] ?? 0
    let least = costs[0] ?? 0
    let tied = Number.POSITIVE_INFINITY
    for (let index = 1; index < count; index++) {
      const slot = slots[index] ?? 0
      const cost = costs[index] ?? 0
      if (cost > least) continue
      const weight = weights[slot] ?? 0
      tied = cost < least ? weight : tied + weight
      if (tied === weight || this.#candidates.sample.favours(weight, tied)) best = slot
      least = cost
    }
    return best
  }

  #awaitsFirst(slot: number): boolean {
    const { active, average } = this.#candidates.loads[slot] as LatencyLoad
    return active > 0 && !average.known
  }

  /** Writes what the first `count` slots of the sample cost: a number that a function returns may be put in a box. */
  #appraise(count: number): void {
    const { loads, sample } = this.#candidates
    const { slots, weights } = sample
    const nowMs = this.#clock.now()
    for (let index = 0; index < count; index++) {
      const slot = slots[index] ?? 0
      const { active, average, joinedAt, refusedAtMs } = loads[slot] as LatencyLoad
      let cost = refusedMs
      if (!(nowMs - refusedAtMs < refusedForMs)) {
        const awaited = active / (weights[slot] ?? 0) + 1
        if (average.known) cost = active === 0 ? average.read(nowMs) : average.lastMs * awaited
        else if (active > 0) cost = unansweredMs * awaited
        else cost = this.#typical.ms * 2 ** ((joinedAt - this.#picks) / loads.length)
      }
      this.#costs[index] = cost
    }
  }
}

const none = (): boolean => false

/** Whether the failure reveals nothing about the instance. */
function saysNothing({ cancelled, blame, error }: Outcome): boolean {
  const { name } = fieldsOf(error)
  return cancelled === true || blame === 'none' || name === 'AbortError' || name === 'CanceledError'
}
