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
  /** The instances in the order of their turns, once a cycle is known: a pick is then one look at an array. */
  #turns: readonly ServiceInstance[] | undefined
  #position = 0

  /** @throws InvalidOptionError */
  constructor(options: SmoothWeightedRoundRobinOptions = {}) {
    checkKeys('SmoothWeightedRoundRobinBalancer', options, ['start', 'random'])
    checkInteger('SmoothWeightedRoundRobinBalancer.start', options.start, 0, Number.MAX_SAFE_INTEGER)
    checkFunction('SmoothWeightedRoundRobinBalancer.random', options.random)
    this.#phase = options.start ?? options.random ?? systemRandom
  }

  update(candidates: readonly ServiceInstance[]): void {
    if (this.#turns !== undefined) this.#schedule.position = this.#position
    const before = this.#instances
    const instances = distinctById(candidates)
    this.#instances = instances
    this.#turns = undefined
    if (before.length === instances.length && instances.every((instance, slot) => sameSlot(instance, before[slot]))) {
      this.#followCycle()
      return
    }
    const weights = instances.map((instance) => instance.weight)
    const slots = new Map(before.map((instance, slot) => [instance.id, slot]))
    const origin = instances.map((instance) => slots.get(instance.id) ?? -1)
    // Without survivors there is no place to keep.
    if (origin.every((slot) => slot === -1)) this.#schedule.reset(weights, this.#phase)
    else this.#schedule.reconcile(weights, origin)
  }

  pick(request?: PickRequest): ServiceInstance | undefined {
    const turns = this.#turns
    if (turns === undefined || request?.avoid !== undefined) return this.#pickSlowly(request?.avoid)
    const position = this.#position
    const next = position + 1
    this.#position = next < turns.length ? next : 0
    return turns[position]
  }

  #pickSlowly(avoid: ReadonlySet<string> | undefined): ServiceInstance | undefined {
    const instances = this.#instances
    if (instances.length === 0) return undefined
    if (avoid !== undefined && avoid.size > 0) {
      const slot = this.#schedule.nextExcept((index) => avoid.has((instances[index] as ServiceInstance).id))
      if (slot !== -1) return instances[slot]
    }
    if (this.#turns !== undefined) return this.pick()
    const instance = instances[this.#schedule.next()]
    this.#followCycle()
    return instance
  }

  #followCycle(): void {
    const { cycle, position } = this.#schedule
    if (cycle === undefined) return
    this.#turns = Array.from(cycle, (slot) => this.#instances[slot] as ServiceInstance)
    this.#position = position
  }
}

function sameSlot(instance: ServiceInstance, before: ServiceInstance | undefined): boolean {
  return before !== undefined && instance.id === before.id && instance.weight === before.weight
}
