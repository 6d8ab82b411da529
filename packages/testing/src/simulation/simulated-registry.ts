import type {
  CancelTimer,
  Clock,
  DiscoveryObserver,
  DiscoverySubscription,
  Random,
  ServiceDiscovery,
  ServiceInstance,
} from '@lb/core'
import { type LatencyProfile, latencySampler } from './latency-profile.ts'

/** How the registry responds: `failing` returns errors, `away` does not respond at all. */
export type RegistryMode = 'answering' | 'failing' | 'away'

/**
 * A registry that many clients watch. Its list reaches each client after a lag of its own, in order. It can fail, fall
 * silent, and claim once that there is no instance.
 */
export class SimulatedRegistry {
  /** Delay of each notification to a client and of each result of a query. @default 0 */
  lag: LatencyProfile
  readonly #clock: Clock
  readonly #views = new Set<RegistryView>()
  #instances: readonly ServiceInstance[] = []
  #mode: RegistryMode = 'answering'

  constructor(clock: Clock, lag: LatencyProfile = 0) {
    this.#clock = clock
    this.lag = lag
  }

  /** The current list. */
  get instances(): readonly ServiceInstance[] {
    return this.#instances
  }

  /** The current mode; `turn` changes it. */
  get mode(): RegistryMode {
    return this.#mode
  }

  /** Replaces the list and notifies all watchers. */
  set(instances: readonly ServiceInstance[]): void {
    this.#instances = [...instances]
    if (this.#mode === 'answering') this.#tell()
  }

  /** Changes the mode. On a return to `answering`, all watchers are notified. */
  turn(mode: RegistryMode): void {
    this.#mode = mode
    if (mode !== 'away') this.#tell()
  }

  /** Sends an empty list to all watchers, once; queries still return the correct list. */
  claimEmptyOnce(): void {
    for (const view of this.#views) view.tell([])
  }

  /** The registry as seen by one client. It may be closed by its load balancer. */
  discovery(random: Random): ServiceDiscovery {
    return {
      getInstances: (_service, { signal } = {}) => this.#ask(random, signal),
      watch: (_service, observer) => this.#watch(observer, random),
    }
  }

  #tell(): void {
    for (const view of this.#views) view.tell()
  }

  #watch(observer: DiscoveryObserver, random: Random): DiscoverySubscription {
    const view = new RegistryView(this, this.#clock, observer, () => this.#drawLagMs(random))
    this.#views.add(view)
    if (this.#mode !== 'away') view.tell()
    return {
      close: () => {
        view.close()
        this.#views.delete(view)
      },
    }
  }

  #ask(random: Random, signal: AbortSignal | undefined): Promise<readonly ServiceInstance[]> {
    return new Promise((resolve, reject) => {
      if (this.#mode === 'away') return
      const cancel = this.#clock.setTimeout(() => {
        if (this.#mode === 'answering') resolve(this.#instances)
        else if (this.#mode === 'failing') reject(registryFailure())
      }, this.#drawLagMs(random))
      signal?.addEventListener('abort', cancel, { once: true })
    })
  }

  #drawLagMs(random: Random): number {
    return latencySampler('lag', this.lag, random)()
  }
}

/**
 * One watch. Notifications that are under way are merged with later ones: a watcher never receives an older list after
 * a newer one.
 */
class RegistryView {
  readonly #registry: SimulatedRegistry
  readonly #clock: Clock
  readonly #observer: DiscoveryObserver
  readonly #drawLagMs: () => number
  readonly #cancels = new Set<CancelTimer>()
  #onItsWay = false

  constructor(registry: SimulatedRegistry, clock: Clock, observer: DiscoveryObserver, drawLagMs: () => number) {
    this.#registry = registry
    this.#clock = clock
    this.#observer = observer
    this.#drawLagMs = drawLagMs
  }

  /** Sends the list of the registry at the time of arrival, or exactly `list`. */
  tell(list?: readonly ServiceInstance[]): void {
    if (list !== undefined) {
      this.#later(() => this.#observer.next(list))
      return
    }
    if (this.#onItsWay) return
    this.#onItsWay = true
    this.#later(() => {
      this.#onItsWay = false
      const { mode, instances } = this.#registry
      if (mode === 'answering') this.#observer.next(instances)
      else if (mode === 'failing') this.#observer.error(registryFailure())
    })
  }

  close(): void {
    for (const cancel of this.#cancels) cancel()
    this.#cancels.clear()
  }

  #later(action: () => void): void {
    const cancel = this.#clock.setTimeout(() => {
      this.#cancels.delete(cancel)
      action()
    }, this.#drawLagMs())
    this.#cancels.add(cancel)
  }
}

function registryFailure(): Error {
  return new Error('the simulated registry fails')
}
