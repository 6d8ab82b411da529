import type { ServiceInstance } from '../instance.ts'
import { checkFunction, checkInteger, checkKeys } from '../options.ts'
import { type Random, systemRandom } from '../random.ts'
import { type Balancer, distinctById, type PickRequest } from './balancer.ts'
import { SmoothWeightedSchedule } from './smooth-weighted-schedule.ts'

export interface SmoothWeightedRoundRobinOptions {
  /** Steps into the cycle at which the first pick stands; 0 gives nginx's sequence. Default: a random step. */
  readonly start?: number
  /** @default Math.random */
  readonly random?: Random
}

/**
 * Each instance exactly as often as its weight says, with its turns spread out: weights 5, 1, 1 give
 * `a a b a c a a`, as in nginx. O(1) per pick once one cycle was handed out, O(instances) until then;
 * see `SmoothWeightedSchedule`.
 *
 * When the list or a weight changes, survivors keep their place in the cycle.
 */
export class SmoothWeightedRoundRobinBalancer implements Balancer {
  readonly #phase: number | Random
  readonly #schedule = new SmoothWeightedSchedule()
  #instances: readonly ServiceInstance[] = []

  /** @throws InvalidOptionError */
  constructor(options: SmoothWeightedRoundRobinOptions = {}) {
    checkKeys('SmoothWeightedRoundRobinBalancer', options, ['start', 'random'])
    checkInteger('SmoothWeightedRoundRobinBalancer.start', options.start, 0, Number.MAX_SAFE_INTEGER)
    checkFunction('SmoothWeightedRoundRobinBalancer.random', options.random)
    this.#phase = options.start ?? options.random ?? systemRandom
  }

  update(candidates: readonly ServiceInstance[]): void {
    const before = this.#instances
    const instances = distinctById(candidates)
    this.#instances = instances
    if (before.length === instances.length && instances.every((instance, slot) => sameSlot(instance, before[slot]))) {
      return
    }
    const weights = instances.map((instance) => instance.weight)
    if (before.length === 0 || instances.length === 0) {
      this.#schedule.reset(weights, this.#phase)
      return
    }
    const slots = new Map(before.map((instance, slot) => [instance.id, slot]))
    const origin = instances.map((instance) => slots.get(instance.id) ?? -1)
    this.#schedule.reconcile(weights, origin)
  }

  pick(request?: PickRequest): ServiceInstance | undefined {
    const instances = this.#instances
    if (instances.length === 0) return undefined
    const avoid = request?.avoid
    if (avoid !== undefined && avoid.size > 0) {
      const slot = this.#schedule.nextExcept((index) => avoid.has((instances[index] as ServiceInstance).id))
      if (slot !== -1) return instances[slot]
    }
    return instances[this.#schedule.next()]
  }
}

function sameSlot(instance: ServiceInstance, before: ServiceInstance | undefined): boolean {
  return before !== undefined && instance.id === before.id && instance.weight === before.weight
}
