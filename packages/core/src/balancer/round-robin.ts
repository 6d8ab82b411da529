import { hasMethod, rejectOption } from '../base/option-checks.ts'
import {
  checkOptions,
  integerOption,
  type Option,
  type OptionTable,
  randomOption,
  withDefaults,
} from '../base/option-table.ts'
import { type Random, randomInteger } from '../base/random.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import type { Balancer, PickRequest } from './balancer.ts'
import { type CandidateOrigins, candidateOrigins } from './candidate-origins.ts'
import type { SharedCounter } from './shared-counter.ts'

/** Options of a `RoundRobinBalancer`. */
export interface RoundRobinOptions {
  /** Index of the first pick, an integer ≥ 0. Not together with `counter`. @default random */
  readonly start?: number | undefined
  /**
   * A counter for the balancers of several worker threads, which then share one sequence.
   * @default undefined: each balancer has its own sequence
   */
  readonly counter?: SharedCounter | undefined
  /** Source of random numbers in [0, 1). @default Math.random */
  readonly random?: Random | undefined
}

const counterOption: Option<SharedCounter> = {
  legal: 'SharedCounter',
  check: (path, given) => {
    if (given !== undefined && !hasMethod(given, 'next')) rejectOption(path, 'a SharedCounter', given)
  },
}

/** What may be said of the balancer. */
export const roundRobinTable: OptionTable<RoundRobinOptions, 'start' | 'counter'> = {
  start: integerOption({}),
  counter: counterOption,
  random: randomOption(),
}

/**
 * Picks each instance in turn, in list order, whatever its weight; new instances get random positions. A pick is O(1).
 *
 * When the list changes, the sequence continues at the same instance, or at a random one if that has left. Picks that
 * avoid instances (retries) have their own cursor, so that they spread evenly over the rest and do not use up turns.
 *
 * With a `counter`, threads that hold the same list share one sequence, in which no position is skipped or repeated.
 * When the list changes, the sequence continues from the value of the counter.
 *
 * Sources: gRPC, `round_robin`, for the random start; the cursor that survives changes of the list is lb's own.
 */
export class RoundRobinBalancer implements Balancer {
  /** False: `hashKey` has no effect. */
  readonly heedsHashKey: boolean = false
  /** False: weights have no effect. */
  readonly heedsWeights: boolean = false
  readonly #random: Random
  readonly #counter: SharedCounter | undefined
  readonly #start: number | undefined
  #candidates: readonly ServiceInstance[] = []
  /** The candidates in the order of their turns. */
  #instances: readonly ServiceInstance[] = []
  #next = 0
  #detour = 0

  /** @throws InvalidOptionError */
  constructor(options: RoundRobinOptions = {}) {
    checkOptions('RoundRobinBalancer', options, roundRobinTable)
    const { start, counter, random } = withDefaults(options, roundRobinTable)
    if (counter !== undefined && start !== undefined) {
      rejectOption('RoundRobinBalancer.start', 'absent when counter is given', start)
    }
    this.#random = random
    this.#counter = counter
    this.#start = start
  }

  get [Symbol.toStringTag](): string {
    return 'RoundRobinBalancer'
  }

  /** Replaces the candidates; the remaining ones keep their state. */
  update(candidates: readonly ServiceInstance[]): void {
    const before = this.#instances
    const changes = candidateOrigins(this.#candidates, candidates)
    this.#instances = this.#ordered(before, changes)
    this.#candidates = changes.candidates
    if (this.#instances.length === 0) return
    if (before.length === 0) {
      this.#next = this.#phase()
      this.#detour = this.#next
    } else {
      this.#next = this.#positionAfterUpdate(before, this.#next, changes)
      this.#detour = this.#positionAfterUpdate(before, this.#detour, changes)
    }
  }

  /**
   * List order, until an instance joins a list in use: each client inserts it at its own random position. At the end
   * of the list, a batch of new instances would get nothing until the clients reach it, and then all clients at once.
   */
  #ordered(before: readonly ServiceInstance[], changes: CandidateOrigins): readonly ServiceInstance[] {
    const { candidates, joined, gone, changed } = changes
    if (before.length === 0 || this.#start !== undefined || this.#counter !== undefined) return candidates
    const survivors = before.slice()
    let count = 0
    for (const instance of before) if (!gone.has(instance)) survivors[count++] = changed.get(instance) ?? instance
    survivors.length = count
    return count === 0 ? candidates : interspersed(survivors, joined, this.#random)
  }

  /**
   * The position of the instance that was next. If it has left, a random position, unless `start` fixes the phase: at the
   * first remaining instance after it, all clients that were within a replaced batch would meet, and continue in step.
   */
  #positionAfterUpdate(before: readonly ServiceInstance[], next: number, { changed }: CandidateOrigins): number {
    const instance = before[next] as ServiceInstance
    const position = this.#instances.indexOf(changed.get(instance) ?? instance)
    if (position !== -1) return position
    return (this.#start === undefined ? undefined : firstSurvivor(before, next, this.#instances)) ?? this.#phase()
  }

  #phase(): number {
    const count = this.#instances.length
    return this.#start === undefined ? randomInteger(this.#random, count) : this.#start % count
  }

  /** Picks the next instance in turn. */
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

/** The position in the new list of the first remaining instance after `next`, if there is one. */
function firstSurvivor(
  before: readonly ServiceInstance[],
  next: number,
  instances: readonly ServiceInstance[],
): number | undefined {
  const positions = new Map(instances.map(({ id }, index) => [id, index]))
  for (let step = 1; step < before.length; step++) {
    const position = positions.get((before[(next + step) % before.length] as ServiceInstance).id)
    if (position !== undefined) return position
  }
  return undefined
}

/** `others` inserted into `instances`, each before a random one of them or at the end. */
function interspersed<T>(instances: readonly T[], others: readonly T[], random: Random): readonly T[] {
  if (others.length === 0) return instances
  const placed = others.map((item) => ({ item, place: randomInteger(random, instances.length + 1) }))
  placed.sort((left, right) => left.place - right.place)
  // Longer than any of the parts, and written over from its end.
  const merged = instances.concat(others)
  let end = merged.length
  let next = instances.length
  for (let last = placed.length - 1; last >= 0; last--) {
    const { item, place } = placed[last] as { item: T; place: number }
    while (next > place) merged[--end] = instances[--next] as T
    merged[--end] = item
  }
  return merged
}
