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

/** What the registry does when it is asked: `failing` answers with errors, `away` does not answer at all. */
export type RegistryMode = 'answering' | 'failing' | 'away'

/**
 * A registry that many clients watch. What it knows reaches each of them after a lag of its own, in order; it can fail,
 * go silent, and claim once that there is no instance at all.
 */
export class SimulatedRegistry {
  /** How long news takes to each client, and an answer to a question. */
  lag: LatencyProfile
  readonly #clock: Clock
  readonly #views = new Set<RegistryView>()
  #instances: readonly ServiceInstance[] = []
  #mode: RegistryMode = 'answering'

  constructor(clock: Clock, lag: LatencyProfile = 0) {
    this.#clock = clock
    this.lag = lag
  }

  get instances(): readonly ServiceInstance[] {
    return this.#instances
  }

  get mode(): RegistryMode {
    return this.#mode
  }

  /** Replaces what the registry knows, and tells everybody who watches. */
  set(instances: readonly ServiceInstance[]): void {
    this.#instances = [...instances]
    if (this.#mode === 'answering') this.#tell()
  }

  /** Changes what it does. Back at `answering`, it tells everybody what it knows. */
  turn(mode: RegistryMode): void {
    this.#mode = mode
    if (mode !== 'away') this.#tell()
  }

  /** Tells everybody who watches that there is no instance, and nothing more: a question gets the right answer. */
  claimEmptyOnce(): void {
    for (const view of this.#views) view.tell([])
  }

  /** The registry as one client sees it: a load balancer closes its discovery. */
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

/** One watch. While news is on its way further news joins it: a watcher never gets an older list after a newer one. */
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

  /** Sends what the registry knows when it arrives, or exactly `list`. */
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
