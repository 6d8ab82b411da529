import { checkFunction, checkInteger, checkKeys, rejectOption } from '../base/option-checks.ts'
import { type Random, randomInteger, systemRandom } from '../base/random.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import type { Balancer, PickRequest } from './balancer.ts'
import { type CandidateOrigins, candidateOrigins } from './candidate-origins.ts'
import type { SharedCounter } from './shared-counter.ts'

export interface RoundRobinOptions {
  /** Index of the first pick. Default: a random one. Not together with `counter`. */
  readonly start?: number | undefined
  /** Shared by the balancers of several worker threads, which then share one sequence. */
  readonly counter?: SharedCounter | undefined
  /** @default Math.random */
  readonly random?: Random | undefined
}

/**
 * Each instance in turn, in list order, whatever its weight; newcomers at random places. O(1) per pick.
 *
 * The sequence continues at the same instance when the list changes, and at a random one when that is gone. Picks that avoid somebody (retries) walk
 * on a cursor of their own, so that they spread evenly over the rest and do not take anybody's turn.
 *
 * With a `counter`, threads that hold the same list share one sequence, in which no position is skipped or
 * repeated; when the list changes, the sequence goes on from the counter's value.
 */
export class RoundRobinBalancer implements Balancer {
  readonly heedsHashKey: boolean = false
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

  get [Symbol.toStringTag](): string {
    return 'RoundRobinBalancer'
  }

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
      this.#next = this.#positionAfterUpdate(before, this.#next)
      this.#detour = this.#positionAfterUpdate(before, this.#detour)
    }
  }

  /**
   * List order, until somebody joins a list in use: newcomers are put in at random places, each client's own. At the end
   * of the list, a batch of them would get nothing before the clients come by, and then all of them at once.
   */
  #ordered(before: readonly ServiceInstance[], changes: CandidateOrigins): readonly ServiceInstance[] {
    const { candidates } = changes
    if (before.length === 0 || this.#start !== undefined || this.#counter !== undefined) return candidates
    const { joining, gone, changed } = changesOf(this.#candidates, changes)
    const survivors: ServiceInstance[] = []
    for (const instance of before) {
      const { id } = instance
      if (!gone.has(id)) survivors.push(changed.get(id) ?? instance)
    }
    return survivors.length === 0 ? candidates : interspersed(survivors, joining, this.#random)
  }

  /**
   * Where the instance that was next stands now. When it is gone, a random place, unless `start` fixes the phase: at the
   * first survivor after it, all clients that stood within a batch that was replaced would meet, and go on in step.
   */
  #positionAfterUpdate(before: readonly ServiceInstance[], next: number): number {
    const { id } = before[next] as ServiceInstance
    const position = this.#instances.findIndex((instance) => instance.id === id)
    if (position !== -1) return position
    return (this.#start === undefined ? undefined : firstSurvivor(before, next, this.#instances)) ?? this.#phase()
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

interface Changes {
  readonly joining: readonly ServiceInstance[]
  readonly gone: ReadonlySet<string>
  /** Survivors of which a field changed, by id. */
  readonly changed: ReadonlyMap<string, ServiceInstance>
}

function changesOf(before: readonly ServiceInstance[], { candidates, origins }: CandidateOrigins): Changes {
  const stays = new Uint8Array(before.length)
  const joining: ServiceInstance[] = []
  const changed = new Map<string, ServiceInstance>()
  for (const [index, candidate] of candidates.entries()) {
    const origin = origins[index] as number
    if (origin === -1) joining.push(candidate)
    else {
      stays[origin] = 1
      if (before[origin] !== candidate) changed.set(candidate.id, candidate)
    }
  }
  const gone = new Set<string>()
  for (const [place, { id }] of before.entries()) if (stays[place] === 0) gone.add(id)
  return { joining, gone, changed }
}

/** Where the first survivor after `next` stands in the new list, if there is one. */
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

/** `others` put among `instances`, each before a random one of them or at the end. */
function interspersed<T>(instances: readonly T[], others: readonly T[], random: Random): readonly T[] {
  const placed = others.map((item) => ({ item, place: randomInteger(random, instances.length + 1) }))
  placed.sort((left, right) => left.place - right.place)
  const merged: T[] = []
  let next = 0
  for (let index = 0; index <= instances.length; index++) {
    for (; placed[next]?.place === index; next++) merged.push((placed[next] as { item: T }).item)
    if (index < instances.length) merged.push(instances[index] as T)
  }
  return merged
}
