import { checkFunction, checkInteger, checkKeys } from '../../base/option-checks.ts'
import { type Random, systemRandom } from '../../base/random.ts'
import type { ServiceInstance } from '../../instance/instance.ts'
import type { Balancer, PickRequest } from '../balancer.ts'
import { candidateOrigins } from '../candidate-origins.ts'
import { SmoothWeightedSchedule } from './schedule.ts'

export interface SmoothWeightedRoundRobinOptions {
  /** Steps into the cycle at which the first pick stands; 0 gives nginx's sequence. Default: a random step. */
  readonly start?: number | undefined
  /** @default Math.random */
  readonly random?: Random | undefined
}

/**
 * Each instance exactly as often as its weight says, with its turns spread out: weights 5, 1, 1 give
 * `a a b a c a a`, as in nginx. O(1) per pick once one cycle was handed out, O(instances) until then;
 * see `SmoothWeightedSchedule`.
 *
 * When the list or a weight changes, survivors keep their place in the cycle.
 */
export class SmoothWeightedRoundRobinBalancer implements Balancer {
  readonly heedsHashKey: boolean = false
  readonly #schedule: SmoothWeightedSchedule<ServiceInstance>
  #candidates: readonly ServiceInstance[] = []

  /** @throws InvalidOptionError */
  constructor(options: SmoothWeightedRoundRobinOptions = {}) {
    checkKeys('SmoothWeightedRoundRobinBalancer', options, ['start', 'random'])
    checkInteger('SmoothWeightedRoundRobinBalancer.start', options.start, 0, Number.MAX_SAFE_INTEGER)
    checkFunction('SmoothWeightedRoundRobinBalancer.random', options.random)
    this.#schedule = new SmoothWeightedSchedule(options.start ?? options.random ?? systemRandom, {
      keyOf: (instance) => instance.id,
      weightOf: (instance) => instance.weight,
    })
  }

  get [Symbol.toStringTag](): string {
    return 'SmoothWeightedRoundRobinBalancer'
  }

  update(candidates: readonly ServiceInstance[]): void {
    const changes = candidateOrigins(this.#candidates, candidates)
    this.#candidates = changes.candidates
    this.#schedule.update(changes.candidates, changes.origins)
  }

  pick(request?: PickRequest): ServiceInstance | undefined {
    const avoid = request?.avoid
    if (avoid === undefined || avoid.size === 0) return this.#schedule.next()
    return this.#schedule.nextExcept((instance) => avoid.has(instance.id)) ?? this.#schedule.next()
  }
}
