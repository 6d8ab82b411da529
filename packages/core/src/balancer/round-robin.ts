import type { ServiceInstance } from '../instance.ts'
import { checkFunction, checkInteger, checkKeys, rejectOption } from '../options.ts'
import { type Random, randomInteger, systemRandom } from '../random.ts'
import { type Balancer, distinctById, type PickRequest } from './balancer.ts'
import type { SharedCounter } from './shared-counter.ts'

export interface RoundRobinOptions {
  /** Index of the first pick. Default: a random one. Not together with `counter`. */
  readonly start?: number
  /** Shared by the balancers of several worker threads, which then share one sequence. */
  readonly counter?: SharedCounter
  /** @default Math.random */
  readonly random?: Random
}

/**
 * Each instance in turn, in list order, whatever its weight. O(1) per pick.
 *
 * The sequence continues at the same instance when the list changes. Picks that avoid somebody (retries) walk
 * on a cursor of their own, so that they spread evenly over the rest and do not take anybody's turn.
 *
 * With a `counter`, threads that hold the same list share one sequence, in which no position is skipped or
 * repeated; when the list changes, the sequence goes on from the counter's value.
 */
export class RoundRobinBalancer implements Balancer {
  readonly #random: Random
  readonly #counter: SharedCounter | undefined
  readonly #start: number | undefined
  #instances: readonly ServiceInstance[] = []
  #next = 0
  #detour = 0

  /** @throws InvalidOptionError */
  constructor(options: RoundRobinOptions = {}) {
    checkKeys('RoundRobinBalancer', options, ['start', 'counter', 'random'])
    checkInteger('RoundRobinBalancer.start', options.start, 0, Number.MAX_SAFE_INTEGER)
    checkFunction('RoundRobinBalancer.random', options.random)
    const { counter } = options
    if (counter !== undefined && typeof counter?.next !== 'function') {
      rejectOption('RoundRobinBalancer.counter', 'a SharedCounter', counter)
    }
    if (counter !== undefined && options.start !== undefined) {
      rejectOption('RoundRobinBalancer.start', 'absent when counter is given', options.start)
    }
    this.#random = options.random ?? systemRandom
    this.#counter = counter
    this.#start = options.start
  }

  update(candidates: readonly ServiceInstance[]): void {
    const instances = distinctById(candidates)
    const before = this.#instances
    this.#instances = instances
    if (instances.length === 0) return
    if (before.length === 0) {
      this.#next = this.#phase()
      this.#detour = this.#next
    } else {
      const positions = new Map(instances.map((instance, index) => [instance.id, index]))
      this.#next = positionAfterUpdate(before, this.#next, positions) ?? this.#phase()
      this.#detour = positionAfterUpdate(before, this.#detour, positions) ?? this.#next
    }
  }

  #phase(): number {
    const count = this.#instances.length
    return this.#start === undefined ? randomInteger(this.#random, count) : this.#start % count
  }

  pick(request?: PickRequest): ServiceInstance | undefined {
    if (request?.avoid !== undefined || this.#counter !== undefined) return this.#pickSlowly(request?.avoid)
    const instances = this.#instances
    const index = this.#next
    const next = index + 1
    this.#next = next < instances.length ? next : 0
    return instances[index]
  }

  #pickSlowly(avoid: ReadonlySet<string> | undefined): ServiceInstance | undefined {
    const count = this.#instances.length
    if (avoid !== undefined && avoid.size > 0 && count > 1) return this.#pickAvoiding(avoid)
    if (this.#counter === undefined) return this.pick()
    return count === 0 ? undefined : this.#instances[this.#counter.next(count)]
  }

  #pickAvoiding(avoid: ReadonlySet<string>): ServiceInstance | undefined {
    const instances = this.#instances
    const count = instances.length
    for (let step = 0; step < count; step++) {
      const index = (this.#detour + step) % count
      const instance = instances[index] as ServiceInstance
      if (avoid.has(instance.id)) continue
      this.#detour = (index + 1) % count
      return instance
    }
    return this.pick()
  }
}

/** Where the instance that was next, or the first survivor after it, stands in the new list, if there is one. */
function positionAfterUpdate(
  before: readonly ServiceInstance[],
  next: number,
  positions: ReadonlyMap<string, number>,
): number | undefined {
  for (let step = 0; step < before.length; step++) {
    const survivor = before[(next + step) % before.length] as ServiceInstance
    const position = positions.get(survivor.id)
    if (position !== undefined) return position
  }
  return undefined
}
