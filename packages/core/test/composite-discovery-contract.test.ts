import { type DiscoveryHarness, describeDiscovery } from '@lb/testing/suites'
import { defineDiscovery, rejection } from '../src/authoring.ts'
import {
  CompositeDiscovery,
  parseInstance,
  type ServiceDiscovery,
  type ServiceInstanceInit,
  type SnapshotStore,
} from '../src/index.ts'

/** A registry in memory that answers later, as one behind a network, and may be unreachable. Discoveries may see a part of it. */
class MemoryRegistry implements DiscoveryHarness {
  readonly #services = new Map<string, readonly ServiceInstanceInit[]>()
  readonly #malformed = new Set<string>()
  readonly #compose: (registry: MemoryRegistry) => ServiceDiscovery
  #reachable = true
  readonly withinMs: number = 2_000

  constructor(compose: (registry: MemoryRegistry) => ServiceDiscovery) {
    this.#compose = compose
  }

  create(): ServiceDiscovery {
    return this.#compose(this)
  }

  async set(service: string, instances: readonly ServiceInstanceInit[]): Promise<void> {
    this.#services.set(service, instances)
  }

  readonly malform: ((service: string) => Promise<void>) | undefined = async (service) => {
    this.#malformed.add(service)
  }

  async fail(): Promise<void> {
    this.#reachable = false
  }

  async recover(): Promise<void> {
    this.#reachable = true
  }

  polled(sees: (port: number) => boolean = () => true): ServiceDiscovery {
    return { getInstances: (service) => this.#answer(service, sees) }
  }

  pushing(sees: (port: number) => boolean = () => true, seesBad = true): ServiceDiscovery {
    return defineDiscovery({
      service: (service) => ({
        ask: async () => {
          const instances = await this.#answer(service, sees)
          const rejected =
            seesBad && this.#malformed.has(service) ? [rejection('the bad one', new Error('no address'))] : []
          return { instances, rejected }
        },
      }),
      poll: { intervalMs: 10, retryMinMs: 10, retryMaxMs: 20 },
    })
  }

  async #answer(service: string, sees: (port: number) => boolean): Promise<readonly ServiceInstanceInit[]> {
    await new Promise((resolve) => setImmediate(resolve))
    if (!this.#reachable) throw new Error('unreachable')
    return (this.#services.get(service) ?? []).filter((init) => sees(parseInstance(init).port))
  }
}

const even = (port: number): boolean => port % 2 === 0
const odd = (port: number): boolean => port % 2 === 1
const all = { weights: true, priority: true, metadata: true, secure: true, failure: true } as const
const noSnapshots: SnapshotStore = { load: async () => undefined, save: () => {} }

describeDiscovery(
  'CompositeDiscovery of one',
  new MemoryRegistry((registry) => new CompositeDiscovery([registry.pushing()], { snapshots: noSnapshots })),
  all,
)

describeDiscovery(
  'CompositeDiscovery with failover',
  new MemoryRegistry((registry) => new CompositeDiscovery([registry.pushing(), registry.pushing()])),
  all,
)

/** A member that cannot push has no place for what it rejects. */
class GoodRegistry extends MemoryRegistry {
  override readonly malform = undefined
}

describeDiscovery(
  'CompositeDiscovery of members that cannot push',
  new GoodRegistry(
    (registry) => new CompositeDiscovery([registry.polled(), registry.polled()], { refreshIntervalMs: 20 }),
  ),
  all,
)

describeDiscovery(
  'CompositeDiscovery with merge, of two halves',
  new MemoryRegistry(
    (registry) => new CompositeDiscovery([registry.pushing(even), registry.pushing(odd, false)], { mode: 'merge' }),
  ),
  all,
)

describeDiscovery(
  'CompositeDiscovery with merge, of two that overlap',
  new MemoryRegistry(
    (registry) => new CompositeDiscovery([registry.pushing(even, false), registry.pushing()], { mode: 'merge' }),
  ),
  all,
)
