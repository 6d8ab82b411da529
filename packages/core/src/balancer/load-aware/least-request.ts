import { longestLatencyMs } from '../../base/latency.ts'
import {
  checkOptions,
  integerOption,
  numberOption,
  type OptionTable,
  randomOption,
  withDefaults,
} from '../../base/option-table.ts'
import type { Random } from '../../base/random.ts'
import type { ServiceInstance } from '../../instance/instance.ts'
import type { Outcome } from '../../instance/outcome.ts'
import type { Balancer, PickRequest } from '../balancer.ts'
import type { Load } from './load-table.ts'
import { SampledLoads } from './sampled-loads.ts'
import { TypicalLatency } from './typical-latency.ts'

/** Options of a `LeastRequestBalancer`. */
export interface LeastRequestOptions {
  /**
   * How much requests in flight count against weight, from 0 to 100: a weight counts as `weight / (active + 1)^bias`.
   * With 0, the load has no effect. Instances of equal weight are compared by their requests alone, for any bias.
   * @default 1
   */
  readonly activeRequestBias?: number | undefined
  /** How many different instances are compared, from 2 to 10; all, if there are at most four. @default 2 */
  readonly choices?: number | undefined
  /** Source of random numbers in [0, 1). @default Math.random */
  readonly random?: Random | undefined
}

/** What may be said of the balancer. */
export const leastRequestTable: OptionTable<LeastRequestOptions> = {
  activeRequestBias: numberOption({ max: 100, default: 1 }),
  choices: integerOption({ min: 2, max: 10, default: 2 }),
  random: randomOption(),
}

/** The time spent on an instance counts half after this many picks for each instance. */
const halfAfterRounds = 4

/** Where the scale begins again. */
const largestScale = 2 ** 500

interface RequestLoad extends Load {
  /** The time of the requests that ended on it, in milliseconds times the scale of that `era`. */
  spent: number
  era: number
}

/**
 * Picks the less loaded of two different random instances, or of all if there are at most four: nearly as even as
 * comparing all of them, but not every client picks the same one. A pick is O(log instances), and O(1) with equal
 * weights.
 *
 * Draws are by weight. A request stays with the first instance drawn, unless another one would, with the request, have
 * no more load for its weight than the first has already. So the weights hold while no instance is busy, whereas
 * comparing `weight / (active + 1)` alone would starve the lighter instance. With equal weights, this is the plain
 * power of two choices. Picks that avoid instances compare all others.
 *
 * A client with few calls rarely has a request in flight when it picks, and so would see no load at all. Among
 * instances on which it has none, the time that its last requests spent there decides: the one of the sample that
 * has the least of it for its weight is picked. The time counts half after four picks for each instance. It needs no
 * clock, and a slow instance is tried again.
 *
 * A failure counts as at least twice the typical time, so that failing fast attracts no traffic.
 *
 * A pick allocates nothing but the numbers that it draws, mostly one for each choice: V8 puts each in an object of 16 bytes.
 *
 * Sources: M. Mitzenmacher, "The power of two choices in randomized load balancing"; Envoy, least request; gRFC A48.
 */
export class LeastRequestBalancer implements Balancer {
  /** False: `hashKey` has no effect. */
  readonly heedsHashKey: boolean = false
  readonly #bias: number
  readonly #candidates: SampledLoads<RequestLoad>
  readonly #typical = new TypicalLatency()
  /** Instead of all times, which shrink with each pick, the unit in which they are compared grows: no power is computed. */
  #scale = 1
  #growth = 1
  /** How often the scale began again, and what a time of the era before is multiplied by; an older one has shrunk to nothing. */
  #era = 0
  #eraFactor = 1
  /** What was spent on the instances of the last list for their weight: a newcomer is not behind with its turns. */
  #usualSpentMs = 0

  /** @throws InvalidOptionError */
  constructor(options: LeastRequestOptions = {}) {
    checkOptions('LeastRequestBalancer', options, leastRequestTable)
    const { activeRequestBias, choices, random } = withDefaults(options, leastRequestTable)
    this.#bias = activeRequestBias
    this.#candidates = new SampledLoads(random, choices, (instance) => ({
      instance,
      active: 0,
      listed: false,
      spent: this.#usualSpentMs * instance.weight * this.#scale,
      era: this.#era,
    }))
  }

  get [Symbol.toStringTag](): string {
    return 'LeastRequestBalancer'
  }

  /** Replaces the candidates; the remaining ones and those that rest keep their state. */
  update(candidates: readonly ServiceInstance[], resting: readonly ServiceInstance[] = []): void {
    const { instances, loads } = this.#candidates
    const weight = instances.reduce((sum, instance) => sum + instance.weight, 0)
    const spentMs = loads.reduce((sum, load) => sum + this.#spent(load) / this.#scale, 0)
    this.#usualSpentMs = weight > 0 && weight < Number.POSITIVE_INFINITY ? spentMs / weight : 0
    this.#candidates.update(candidates, resting)
    this.#growth = 2 ** (1 / (halfAfterRounds * Math.max(1, this.#candidates.loads.length)))
  }

  /** Picks the less loaded of two random instances. */
  pick(request?: PickRequest): ServiceInstance | undefined {
    const { instances, sample } = this.#candidates
    if (instances.length === 0) return undefined
    this.#scale *= this.#growth
    if (this.#scale > largestScale) this.#beginEra()
    if (request?.avoid !== undefined && request.avoid.size > 0) return this.#pickAvoiding(request.avoid)
    const first = sample.first()
    if (this.#bias === 0) return instances[first]
    return this.#charged(this.#isUnused(first) ? first : this.#best(sample.others(first)))
  }

  /** Counts a request in flight on `instance`. */
  started(instance: ServiceInstance): void {
    this.#candidates.started(instance)
  }

  /** Ends a request in flight on `instance`. */
  finished(instance: ServiceInstance, outcome?: Outcome): void {
    const load = this.#candidates.finished(instance)
    if (load === undefined || outcome === undefined || !(outcome.latencyMs >= 0)) return
    const tookMs = Math.min(outcome.latencyMs, longestLatencyMs)
    const typicalMs = this.#typical.ms
    if (outcome.ok) this.#typical.observe(tookMs)
    const countsMs = outcome.ok || outcome.cancelled === true ? tookMs : Math.max(tookMs, 2 * typicalMs)
    this.#spend(load, countsMs - typicalMs)
  }

  #pickAvoiding(avoid: ReadonlySet<string>): ServiceInstance | undefined {
    const { instances, sample } = this.#candidates
    const count = this.#candidates.sampleAllBut(avoid)
    if (count === 0) return this.pick()
    return this.#bias === 0 ? instances[sample.slots[0] ?? 0] : this.#charged(this.#best(count))
  }

  /**
   * The instance of a slot, with a typical request counted as spent on it until its own time is known: a pick uses up a turn
   * also where it is given away, as slow start does.
   */
  #charged(slot: number): ServiceInstance | undefined {
    this.#spend(this.#load(slot), this.#typical.ms)
    return this.#candidates.instances[slot]
  }

  #spend(load: RequestLoad, ms: number): void {
    load.spent = Math.max(0, this.#spent(load) + ms * this.#scale)
  }

  /** The first of the `count` slots in the sample, or one that is better. */
  #best(count: number): number {
    const first = this.#candidates.sample.slots[0] ?? 0
    return this.#active(first) === 0 ? this.#leastSpent(count) : this.#leastLoaded(count)
  }

  /** The first of the `count` slots, on which nothing is in flight, or another such one that had less to do lately. */
  #leastSpent(count: number): number {
    const { sample } = this.#candidates
    const { slots, weights } = sample
    let best = slots[0] ?? 0
    let least = this.#share(best)
    let tied = Number.POSITIVE_INFINITY
    for (let index = 1; index < count; index++) {
      const slot = slots[index] ?? 0
      if (this.#active(slot) > 0) continue
      const share = this.#share(slot)
      if (share > least) continue
      const weight = weights[slot] ?? 0
      tied = share < least ? weight : tied + weight
      if (tied === weight || sample.favours(weight, tied)) best = slot
      least = share
    }
    return best
  }

  /** The first of the `count` slots in the sample, or one that is less loaded; of several, one by weight. */
  #leastLoaded(count: number): number {
    const { slots, weights } = this.#candidates.sample
    let best = slots[0] ?? 0
    let least = this.#weighed(best, this.#active(best))
    let tied = 0
    for (let index = 1; index < count; index++) {
      const slot = slots[index] ?? 0
      const load = this.#weighed(slot, this.#active(slot) + 1)
      if (load > least) continue
      const weight = weights[slot] ?? 0
      tied = load < least ? weight : tied + weight
      if (tied === weight || this.#candidates.sample.favours(weight, tied)) best = slot
      least = load
    }
    return best
  }

  #load(slot: number): RequestLoad {
    return this.#candidates.loads[slot] as RequestLoad
  }

  #active(slot: number): number {
    return this.#load(slot).active
  }

  #isUnused(slot: number): boolean {
    const { active, spent } = this.#load(slot)
    return active === 0 && spent === 0
  }

  /**
   * The time spent on it for its weight. With half a request more, since whole requests are dealt: without it the
   * lighter ones would get too many (the method of Sainte-Laguë).
   */
  #share(slot: number): number {
    const halfRequest = (this.#typical.ms * this.#scale) / 2
    return (this.#spent(this.#load(slot)) + halfRequest) / (this.#candidates.sample.weights[slot] ?? 0)
  }

  /** The time spent on it, in milliseconds times the scale. */
  #spent(load: RequestLoad): number {
    if (load.era !== this.#era) {
      load.spent = load.era === this.#era - 1 ? load.spent * this.#eraFactor : 0
      load.era = this.#era
    }
    return load.spent
  }

  #beginEra(): void {
    this.#era++
    this.#eraFactor = 1 / this.#scale
    this.#scale = 1
  }

  #weighed(slot: number, active: number): number {
    const load = this.#bias === 1 ? active : active ** this.#bias
    return load / (this.#candidates.sample.weights[slot] ?? 0)
  }
}
