import {
  checkOptions,
  functionOption,
  integerOption,
  numberOption,
  type OptionTable,
  withDefaults,
} from '../../base/option-table.ts'
import { type Random, systemRandom } from '../../base/random.ts'
import type { ServiceInstance } from '../../instance/instance.ts'
import { type Balancer, distinctById, type PickRequest } from '../balancer.ts'
import { pickable } from '../pickable.ts'
import { type Load, LoadTable } from './load-table.ts'
import { WeightedSample } from './weighted-sample.ts'

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

const leastRequestTable: OptionTable<LeastRequestOptions> = {
  activeRequestBias: numberOption({ max: 100, default: 1 }),
  choices: integerOption({ min: 2, max: 10, default: 2 }),
  random: functionOption(),
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
  readonly #sample: WeightedSample
  readonly #table = new LoadTable<Load>(() => ({ active: 0, listed: false }))
  #instances: readonly ServiceInstance[] = []
  /** Of `#instances`, in their order. */
  #loads: readonly Load[] = []

  /** @throws InvalidOptionError */
  constructor(options: LeastRequestOptions = {}) {
    checkOptions('LeastRequestBalancer', options, leastRequestTable)
    const { activeRequestBias, choices } = withDefaults(options, leastRequestTable)
    this.#bias = activeRequestBias
    this.#sample = new WeightedSample(options.random ?? systemRandom, choices)
  }

  get [Symbol.toStringTag](): string {
    return 'LeastRequestBalancer'
  }

  /** Replaces the candidates; the remaining ones keep their state. */
  update(candidates: readonly ServiceInstance[]): void {
    const distinct = distinctById(candidates)
    this.#instances = pickable(distinct)
    this.#loads = this.#table.update(distinct, this.#instances)
    this.#sample.update(this.#instances.map(({ weight }) => weight))
  }

  /** Picks the less loaded of two random instances. */
  pick(request?: PickRequest): ServiceInstance | undefined {
    if (this.#instances.length === 0) return undefined
    if (request?.avoid !== undefined && request.avoid.size > 0) return this.#pickAvoiding(request.avoid)
    const first = this.#sample.first()
    // The count never falls below zero.
    if (this.#active(first) === 0 || this.#bias === 0) return this.#instances[first]
    return this.#instances[this.#leastLoaded(this.#sample.others(first))]
  }

  /** Counts a request in flight on `instance`. */
  started(instance: ServiceInstance): void {
    this.#table.started(instance)
  }

  /** Ends a request in flight on `instance`. */
  finished(instance: ServiceInstance): void {
    this.#table.finished(instance)
  }

  #pickAvoiding(avoid: ReadonlySet<string>): ServiceInstance | undefined {
    const count = this.#sample.allExcept((slot) => avoid.has((this.#instances[slot] as ServiceInstance).id))
    if (count === 0) return this.pick()
    return this.#instances[this.#bias === 0 ? (this.#sample.slots[0] as number) : this.#leastLoaded(count)]
  }

  /** The first of the `count` slots in the sample, or one that is less loaded; of several, one by weight. */
  #leastLoaded(count: number): number {
    const { slots, weights } = this.#sample
    let best = slots[0] as number
    let least = this.#weighed(best, this.#active(best))
    let tied = 0
    for (let index = 1; index < count; index++) {
      const slot = slots[index] as number
      const load = this.#weighed(slot, this.#active(slot) + 1)
      if (load > least) continue
      const weight = weights[slot] as number
      tied = load < least ? weight : tied + weight
      if (tied === weight || this.#sample.favours(weight, tied)) best = slot
      least = load
    }
    return best
  }

  #active(slot: number): number {
    return (this.#loads[slot] as Load).active
  }

  #weighed(slot: number, active: number): number {
    const load = this.#bias === 1 ? active : active ** this.#bias
    return load / (this.#sample.weights[slot] as number)
  }
}
