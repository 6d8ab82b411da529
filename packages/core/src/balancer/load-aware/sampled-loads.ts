import type { Random } from '../../base/random.ts'
import type { ServiceInstance } from '../../instance/instance.ts'
import { distinctById } from '../balancer.ts'
import { pickable } from '../pickable.ts'
import { type Load, LoadTable } from './load-table.ts'
import { WeightedSample } from './weighted-sample.ts'

/** The candidates of a balancer that compares a sample of them by their load. A slot of the sample is an index of both lists. */
export class SampledLoads<L extends Load> {
  readonly sample: WeightedSample
  instances: readonly ServiceInstance[] = []
  loads: readonly L[] = []
  readonly #table: LoadTable<L>

  /** `choices` instances are compared; `create` makes the load of an instance that is new. */
  constructor(random: Random, choices: number, create: (instance: ServiceInstance) => L) {
    this.sample = new WeightedSample(random, choices)
    this.#table = new LoadTable(create)
  }

  update(candidates: readonly ServiceInstance[], resting: readonly ServiceInstance[]): void {
    const distinct = distinctById(candidates)
    this.instances = pickable(distinct)
    this.loads = this.#table.update(distinct, this.instances, resting)
    this.sample.update(this.instances.map(({ weight }) => weight))
  }

  /** Samples every instance whose id is not in `avoid`; gives how many there are. */
  sampleAllBut(avoid: ReadonlySet<string>): number {
    const { instances } = this
    return this.sample.allExcept((slot) => avoid.has((instances[slot] as ServiceInstance).id))
  }

  started(instance: ServiceInstance): void {
    this.#table.started(instance)
  }

  /** Gives the load that the request was part of, if it is known. */
  finished(instance: ServiceInstance): L | undefined {
    return this.#table.finished(instance)
  }
}
