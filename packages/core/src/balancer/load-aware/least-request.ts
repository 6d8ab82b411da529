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
import type { Balancer, PickRequest } from '../balancer.ts'
import type { Load } from './load-table.ts'
import { SampledLoads } from './sampled-loads.ts'

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
 * Sources: M. Mitzenmacher, "The power of two choices in randomized load balancing"; Envoy, least request; gRFC A48.
 */
export class LeastRequestBalancer implements Balancer {
  /** False: `hashKey` has no effect. */
  readonly heedsHashKey: boolean = false
  readonly #bias: number
  readonly #candidates: SampledLoads<Load>

  /** @throws InvalidOptionError */
  constructor(options: LeastRequestOptions = {}) {
    checkOptions('LeastRequestBalancer', options, leastRequestTable)
    const { activeRequestBias, choices, random } = withDefaults(options, leastRequestTable)
    this.#bias = activeRequestBias
    this.#candidates = new SampledLoads(random, choices, (instance) => ({ instance, active: 0, listed: false }))
  }

  get [Symbol.toStringTag](): string {
    return 'LeastRequestBalancer'
  }

  /** Replaces the candidates; the remaining ones and those that rest keep their state. */
  update(candidates: readonly ServiceInstance[], resting: readonly ServiceInstance[] = []): void {
    this.#candidates.update(candidates, resting)
  }

  /** Picks the less loaded of two random instances. */
  pick(request?: PickRequest): ServiceInstance | undefined {
    const { instances, sample } = this.#candidates
    if (instances.length === 0) return undefined
    if (request?.avoid !== undefined && request.avoid.size > 0) return this.#pickAvoiding(request.avoid)
    const first = sample.first()
    // The count never falls below zero.
    if (this.#active(first) === 0 || this.#bias === 0) return instances[first]
    return instances[this.#leastLoaded(sample.others(first))]
  }

  /** Counts a request in flight on `instance`. */
  started(instance: ServiceInstance): void {
    this.#candidates.started(instance)
  }

  /** Ends a request in flight on `instance`. */
  finished(instance: ServiceInstance): void {
    this.#candidates.finished(instance)
  }

  #pickAvoiding(avoid: ReadonlySet<string>): ServiceInstance | undefined {
    const { instances, sample } = this.#candidates
    const count = this.#candidates.sampleAllBut(avoid)
    if (count === 0) return this.pick()
    return instances[this.#bias === 0 ? (sample.slots[0] ?? 0) : this.#leastLoaded(count)]
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

  #active(slot: number): number {
    return (this.#candidates.loads[slot] as Load).active
  }

  #weighed(slot: number, active: number): number {
    const load = this.#bias === 1 ? active : active ** this.#bias
    return load / (this.#candidates.sample.weights[slot] ?? 0)
  }
}
