import { exponentialBackoffMs } from '../base/backoff.ts'
import type { CancelTimer, Clock } from '../base/clock.ts'
import { onLateRejection } from '../base/late-rejection.ts'
import { jittered, type Random } from '../base/random.ts'
import type { DiscoveryObserver, DiscoverySubscription, ServiceDiscovery } from './discovery.ts'
import { Poller, pollSettings } from './poll.ts'

export interface FollowedServiceOptions {
  /** What the discovery is asked for. */
  readonly nameInRegistry: string
  readonly discovery: ServiceDiscovery
  /** For a discovery that is polled. */
  readonly refreshIntervalMs: number
  readonly clock: Clock
  /** For polls, if another: where many services are polled, their timers may share ticks. @default clock */
  readonly pollClock?: Clock | undefined
  readonly random: Random
  readonly observer: DiscoveryObserver
  /** The discovery could not be asked to end a watch. */
  readonly onCloseFailed: (cause: unknown) => void
}

const watchAgainMinMs = 1_000
const watchAgainMaxMs = 30_000

/** One service of a discovery, watched, or polled when the discovery cannot push. A `watch` that throws is called again, after a backoff. */
export class FollowedService implements DiscoverySubscription {
  readonly #options: FollowedServiceOptions
  readonly #observer: DiscoveryObserver
  #closed = false
  #poller: Poller | undefined
  #subscription: DiscoverySubscription | undefined
  #failures = 0
  #cancelTimer: CancelTimer = () => {}

  /** `observer`: in place of that of the options. */
  constructor(options: FollowedServiceOptions, observer: DiscoveryObserver = options.observer) {
    this.#options = options
    this.#observer = observer
  }

  /** Whether the discovery has a watch, whose lists come unasked. */
  get pushes(): boolean {
    return typeof this.#options.discovery.watch === 'function'
  }

  start(): void {
    if (this.pushes) this.#watch()
    else this.#poll()
  }

  /** Makes the next poll now, and gives whether there are polls. */
  pollNow(): boolean {
    this.#poller?.refresh()
    return this.#poller !== undefined
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#cancelTimer()
    this.#poller?.close()
    this.#end(this.#subscription)
    this.#subscription = undefined
  }

  #poll(): void {
    const { nameInRegistry, discovery, refreshIntervalMs: intervalMs, pollClock, random } = this.#options
    const clock = pollClock ?? this.#options.clock
    const resolve: ServiceDiscovery['getInstances'] = (name, options) => discovery.getInstances(name, options)
    this.#poller = new Poller(nameInRegistry, resolve, this.#observer, pollSettings({ intervalMs, clock, random }))
    this.#poller.start()
  }

  #watch(): void {
    const { nameInRegistry, discovery, clock, random } = this.#options
    const observer = this.#observer
    try {
      const subscription = discovery.watch?.(nameInRegistry, observer)
      // The observer may have been called, and closed this, before `watch` returned.
      if (this.#closed) this.#end(subscription)
      else this.#subscription = subscription
      this.#failures = 0
    } catch (cause) {
      observer.error(cause)
      if (this.#closed) return
      this.#failures++
      const delayMs = jittered(exponentialBackoffMs(this.#failures, watchAgainMinMs, watchAgainMaxMs), 0.5, random)
      this.#cancelTimer = clock.setTimeout(() => this.#watch(), delayMs, { background: true })
    }
  }

  #end(subscription: DiscoverySubscription | undefined): void {
    try {
      const ended: unknown = subscription?.close()
      onLateRejection(ended, this.#options.onCloseFailed)
    } catch (cause) {
      this.#options.onCloseFailed(cause)
    }
  }
}
