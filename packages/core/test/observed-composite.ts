import { FakeClock } from '@lb/testing'
import {
  CompositeDiscovery,
  type CompositeDiscoveryEvent,
  type CompositeDiscoveryOptions,
  type CompositeMember,
  type DiscoveryObserver,
  type DiscoverySubscription,
  type InvalidInstanceError,
  parseInstance,
  type ServiceDiscovery,
  type ServiceInstance,
  type ServiceInstanceInit,
  type SnapshotStore,
  type StoredSnapshot,
} from '../src/index.ts'

/** A composite on a virtual clock without jitter, with a watch of the service `users` and everything it told. */
export class ObservedComposite implements DiscoveryObserver {
  readonly clock: FakeClock
  readonly composite: CompositeDiscovery
  readonly events: CompositeDiscoveryEvent[] = []
  /** Ids of each list. */
  readonly lists: string[][] = []
  /** What was rejected with each list. */
  readonly rejected: (readonly InvalidInstanceError[])[] = []
  /** Messages. */
  readonly errors: string[] = []
  readonly subscription: DiscoverySubscription

  constructor(members: readonly (ServiceDiscovery | CompositeMember)[], options: CompositeDiscoveryOptions = {}) {
    this.clock = (options.clock as FakeClock | undefined) ?? new FakeClock()
    this.composite = new CompositeDiscovery(members, {
      random: () => 0,
      onEvent: (event) => this.events.push(event),
      ...options,
      clock: this.clock,
    })
    this.subscription = this.composite.watch('users', this)
  }

  next(instances: readonly ServiceInstanceInit[], rejected: readonly InvalidInstanceError[] = []): void {
    this.lists.push(idsOf(instances))
    this.rejected.push(rejected)
  }

  error(cause: unknown): void {
    this.errors.push((cause as Error).message)
  }

  get list(): string[] | undefined {
    return this.lists.at(-1)
  }

  get calls(): number {
    return this.lists.length + this.errors.length
  }

  /** Types of the events so far, with the member they are about. */
  get told(): string[] {
    return this.events.map((event) => ('member' in event ? `${event.type} ${event.member}` : event.type))
  }
}

export function idsOf(instances: readonly ServiceInstanceInit[]): string[] {
  return instances.map((init) => parseInstance(init).id)
}

/** A store in memory; its age is what the test says. */
export class MemorySnapshots implements SnapshotStore {
  readonly lists: Map<string, readonly ServiceInstance[]> = new Map()
  readonly saves: string[][] = []
  loads: number = 0
  ageMs: number = 0
  /** Saves under way, at most. */
  mostAtOnce: number = 0
  #saving = 0
  failure: Error | undefined
  /** Every question waits for it. */
  gate: Promise<void> = Promise.resolve()

  async load(service: string): Promise<StoredSnapshot | undefined> {
    this.loads++
    await this.gate
    if (this.failure !== undefined) throw this.failure
    const instances = this.lists.get(service)
    return instances === undefined ? undefined : { instances, ageMs: this.ageMs }
  }

  async save(service: string, instances: readonly ServiceInstance[]): Promise<void> {
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#saving)
    await this.gate
    this.#saving--
    if (this.failure !== undefined) throw this.failure
    this.saves.push(idsOf(instances))
    this.lists.set(service, instances)
  }
}
