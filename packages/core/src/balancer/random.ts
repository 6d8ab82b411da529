import { checkOptions, type OptionTable, randomOption, withDefaults } from '../base/option-table.ts'
import type { Random } from '../base/random.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import type { Balancer, PickRequest } from './balancer.ts'
import { candidateOrigins } from './candidate-origins.ts'

/** Options of a `RandomBalancer`. */
export interface RandomOptions {
  /** Source of random numbers in [0, 1). @default Math.random */
  readonly random?: Random | undefined
}

/** What may be said of the balancer. */
export const randomTable: OptionTable<RandomOptions> = { random: randomOption() }

/**
 * Picks a random instance, by weight. A pick is O(1), by Vose's alias method: every slot is split between its own
 * instance and one other, so one random slot and one comparison decide.
 *
 * It has no state, so any number of processes are even together. Within a short run it is less even than round robin.
 *
 * A pick allocates nothing but the number that it draws: V8 puts the result of `Math.random()` in an object of 16 bytes.
 *
 * Source: M. D. Vose, "A linear algorithm for generating random numbers with a given distribution" (1991).
 */
export class RandomBalancer implements Balancer {
  /** False: `hashKey` has no effect. */
  readonly heedsHashKey: boolean = false
  readonly #random: Random
  #instances: readonly ServiceInstance[] = []
  /** The part of slot `i` that is its own; the rest belongs to the alias. */
  #own: Float64Array = new Float64Array(0)
  #alias: Uint32Array = new Uint32Array(0)

  /** @throws InvalidOptionError */
  constructor(options: RandomOptions = {}) {
    checkOptions('RandomBalancer', options, randomTable)
    this.#random = withDefaults(options, randomTable).random
  }

  get [Symbol.toStringTag](): string {
    return 'RandomBalancer'
  }

  /** Replaces the candidates; the remaining ones keep their state. */
  update(candidates: readonly ServiceInstance[]): void {
    this.#instances = candidateOrigins(this.#instances, candidates).candidates
    const weights = shares(this.#instances)
    const count = weights.length
    const own = new Float64Array(count).fill(1)
    const alias = Uint32Array.from(weights.keys())
    const short: number[] = []
    const long: number[] = []
    for (const [slot, weight] of weights.entries()) (weight < 1 ? short : long).push(slot)
    while (short.length > 0 && long.length > 0) {
      const slot = short.pop() as number
      const donor = long.at(-1) as number
      own[slot] = weights[slot] ?? 0
      alias[slot] = donor
      const left = (weights[donor] ?? 0) + (weights[slot] ?? 0) - 1
      weights[donor] = left
      if (left < 1) short.push(long.pop() as number)
    }
    this.#own = own
    this.#alias = alias
  }

  /** Picks a random instance, by weight. */
  pick(request?: PickRequest): ServiceInstance | undefined {
    const instances = this.#instances
    const count = instances.length
    if (count === 0) return undefined
    if (request?.avoid !== undefined && request.avoid.size > 0) return this.#pickAvoiding(request.avoid)
    // One draw: the slot, and where in it.
    const value = this.#random() * count
    const slot = Math.floor(value)
    if (!(slot >= 0 && slot < count)) return instances[this.#alias[0] ?? 0]
    return instances[value - slot < (this.#own[slot] ?? 0) ? slot : (this.#alias[slot] ?? 0)]
  }

  #pickAvoiding(avoid: ReadonlySet<string>): ServiceInstance | undefined {
    const drained = this.#instances.some(({ weight }) => weight > 0) ? 0 : -1
    const usable = this.#instances.filter(({ id, weight }) => weight > drained && !avoid.has(id))
    if (usable.length === 0) return this.pick()
    const weights = shares(usable)
    let rest = this.#random() * usable.length
    for (const [slot, weight] of weights.entries()) {
      rest -= weight
      if (rest < 0 && weight > 0) return usable[slot]
    }
    return usable[weights.findLastIndex((weight) => weight > 0)]
  }
}

/** Weights scaled to a mean of 1; all 1 when all are 0. */
function shares(instances: readonly ServiceInstance[]): Float64Array {
  // Divided by the largest first: the sum of huge weights would overflow.
  const largest = instances.reduce((max, instance) => Math.max(max, instance.weight), 0)
  const weights = Float64Array.from(instances, ({ weight }) => (largest > 0 ? weight / largest : 1))
  const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length
  return weights.map((weight) => weight / mean)
}
