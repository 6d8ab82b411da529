import { type Clock, parseInstance, type Random, type ServiceInstance } from '@lb/core'
import { rejectOption } from '@lb/core/authoring'
import type { RecordedListChange } from './recording/recording.ts'
import { type InstanceBehaviour, type ResponseSource, SimulatedInstance } from './simulated-instance.ts'
import { SimulatedRegistry } from './simulated-registry.ts'

export interface SimulatedFleetOptions {
  readonly clock: Clock
  /** Returns an independent random source for each path. */
  readonly stream: (...path: readonly string[]) => Random
  /** New instances are assigned to these zones in turn. */
  readonly zones: readonly string[]
  /** New instances get these weights in turn. */
  readonly weights?: readonly number[] | undefined
  readonly behaviour: InstanceBehaviour
  /** The recorded responses of an instance; without it, the behaviour decides. */
  readonly recorded?: ((id: string) => ResponseSource) | undefined
}

interface Member {
  readonly simulated: SimulatedInstance
  listedSinceMs: number | undefined
  listedForMs: number
}

/** All instances that were ever started, and the registry that lists some of them. */
export class SimulatedFleet {
  /** The registry that the clients watch. */
  readonly registry: SimulatedRegistry
  readonly #options: SimulatedFleetOptions
  readonly #members = new Map<string, Member>()

  constructor(options: SimulatedFleetOptions) {
    this.#options = options
    this.registry = new SimulatedRegistry(options.clock, { kind: 'uniform', minMs: 0, maxMs: 100 })
  }

  /** All instances, in the order in which they were started. */
  get all(): SimulatedInstance[] {
    return Array.from(this.#members.values(), ({ simulated }) => simulated)
  }

  /** The instances that the registry lists. */
  get listed(): SimulatedInstance[] {
    return this.registry.instances.map(({ id }) => this.get(id))
  }

  /** The simulated server behind a listed instance. Throws an error for an unknown id. */
  get(id: string): SimulatedInstance {
    return this.#memberOf(id).simulated
  }

  /** Starts `count` further instances. The registry does not list them yet. */
  start(count: number, behaviour: InstanceBehaviour = {}): SimulatedInstance[] {
    return Array.from({ length: count }, () => this.#startOne(behaviour))
  }

  /** Adds instances to the registry's list. */
  list(instances: readonly SimulatedInstance[]): void {
    for (const { instance } of instances) this.#memberOf(instance.id).listedSinceMs ??= this.#options.clock.now()
    this.registry.set([...new Set([...this.registry.instances, ...instances.map(({ instance }) => instance)])])
  }

  /** Removes instances from the registry's list. */
  unlist(instances: readonly SimulatedInstance[]): void {
    const gone = new Set(instances.map(({ instance }) => instance))
    for (const instance of gone) this.#endListing(this.#memberOf(instance.id))
    this.registry.set(this.registry.instances.filter((instance) => !gone.has(instance)))
  }

  /** Requests received per second in the list, for each instance that was ever listed. */
  get loads(): number[] {
    const loads: number[] = []
    for (const member of this.#members.values()) {
      const { simulated, listedSinceMs, listedForMs } = member
      const currentMs = listedSinceMs === undefined ? 0 : this.#options.clock.now() - listedSinceMs
      const listedMs = listedForMs + currentMs
      if (listedMs > 0) loads.push((simulated.received / listedMs) * 1_000)
    }
    return loads
  }

  /** Applies a recorded change of the list: instances that were not started yet are. One that was may have another weight now. */
  change({ added, removed }: Pick<RecordedListChange, 'added' | 'removed'>): void {
    const current = new Map(this.registry.instances.map((instance) => [instance.id, instance]))
    for (const id of removed) {
      if (current.delete(id)) this.#endListing(this.#memberOf(id))
    }
    for (const instance of added) {
      if (!this.#members.has(instance.id)) this.#add(instance, {})
      this.#memberOf(instance.id).listedSinceMs ??= this.#options.clock.now()
      current.set(instance.id, instance)
    }
    this.registry.set([...current.values()])
  }

  #startOne(behaviour: InstanceBehaviour): SimulatedInstance {
    const { zones, weights = [1] } = this.#options
    const number = this.#members.size
    const zone = zones[number % zones.length]
    const host = `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`
    const weight = weights[number % weights.length] ?? 1
    const instance = parseInstance({ host, port: 8_080, weight, ...(zone === undefined ? undefined : { zone }) })
    return this.#add(instance, behaviour)
  }

  #add(instance: ServiceInstance, own: InstanceBehaviour): SimulatedInstance {
    const { behaviour, clock, recorded, stream } = this.#options
    const { id } = instance
    const random = stream('instance', id)
    const simulated = new SimulatedInstance(instance, clock, random, { ...behaviour, ...own }, recorded?.(id))
    this.#members.set(instance.id, { simulated, listedSinceMs: undefined, listedForMs: 0 })
    return simulated
  }

  #memberOf(id: string): Member {
    const member = this.#members.get(id)
    return member ?? rejectOption('fleet.get', 'the id of an instance that was started', id)
  }

  #endListing(member: Member): void {
    if (member.listedSinceMs === undefined) return
    member.listedForMs += this.#options.clock.now() - member.listedSinceMs
    member.listedSinceMs = undefined
  }
}
