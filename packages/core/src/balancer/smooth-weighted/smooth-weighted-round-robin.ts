import { checkOptions, integerOption, type OptionTable, randomOption, withDefaults } from '../../base/option-table.ts'
import type { Random } from '../../base/random.ts'
import type { ServiceInstance } from '../../instance/instance.ts'
import type { Balancer, PickRequest } from '../balancer.ts'
import { candidateOrigins } from '../candidate-origins.ts'
import { SmoothWeightedSchedule } from './schedule.ts'

/** Options of a `SmoothWeightedRoundRobinBalancer`. */
export interface SmoothWeightedRoundRobinOptions {
  /** Steps into the cycle of the first pick, an integer ≥ 0; 0 gives nginx's sequence. @default random */
  readonly start?: number | undefined
  /** Source of random numbers in [0, 1). @default Math.random */
  readonly random?: Random | undefined
}

/** What may be said of the balancer. */
export const smoothWeightedTable: OptionTable<SmoothWeightedRoundRobinOptions, 'start'> = {
  start: integerOption({}),
  random: randomOption(),
}

/**
 * Picks each instance exactly as often as its weight, with evenly spread turns: weights 5, 1, 1 give `a a b a c a a`,
 * as in nginx. A pick is O(1) once one cycle is complete, and O(different weights) until then.
 *
 * When the list or a weight changes, the remaining instances keep their position in the cycle. A fresh balancer, and one
 * whose next instance has left, goes to a random step of the cycle. With very long cycles (large weights without a common
 * divisor) that takes up to some 20 ms; beyond four million steps × different weights, it goes to an approximate step at
 * once, and the first cycle may give an instance one turn more or less than its weight.
 *
 * Source: nginx, `ngx_http_upstream_get_peer`; see `SmoothWeightedSchedule`.
 */
export class SmoothWeightedRoundRobinBalancer implements Balancer {
  /** False: `hashKey` has no effect. */
  readonly heedsHashKey: boolean = false
  readonly #schedule: SmoothWeightedSchedule<ServiceInstance>
  #candidates: readonly ServiceInstance[] = []

  /** @throws InvalidOptionError */
  constructor(options: SmoothWeightedRoundRobinOptions = {}) {
    checkOptions('SmoothWeightedRoundRobinBalancer', options, smoothWeightedTable)
    const { start, random } = withDefaults(options, smoothWeightedTable)
    this.#schedule = new SmoothWeightedSchedule(start ?? random, {
      keyOf: (instance) => instance.id,
      weightOf: (instance) => instance.weight,
    })
  }

  get [Symbol.toStringTag](): string {
    return 'SmoothWeightedRoundRobinBalancer'
  }

  /** Replaces the candidates; the remaining ones keep their state. */
  update(candidates: readonly ServiceInstance[]): void {
    const changes = candidateOrigins(this.#candidates, candidates)
    this.#candidates = changes.candidates
    this.#schedule.update(changes.candidates, changes.origins)
  }

  /** Picks the next instance of the sequence. */
  pick(request?: PickRequest): ServiceInstance | undefined {
    const avoid = request?.avoid
    if (avoid === undefined || avoid.size === 0) return this.#schedule.next()
    return this.#schedule.nextExcept((instance) => avoid.has(instance.id)) ?? this.#schedule.next()
  }
}
