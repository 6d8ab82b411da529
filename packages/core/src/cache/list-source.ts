import { runInBackground } from '../base/background-context.ts'
import type { CancelTimer, Clock } from '../base/clock.ts'
import { jittered, type Random } from '../base/random.ts'
import { timeLimited } from '../base/time-limit.ts'
import type { DiscoveryObserver, DiscoverySubscription, ServiceDiscovery } from '../discovery/discovery.ts'
import { Poller, pollSettings } from '../discovery/poll.ts'

export interface ListSourceOptions {
  readonly nameInRegistry: string
  readonly discovery: ServiceDiscovery
  /** For a discovery that is polled. */
  readonly refreshIntervalMs: number
  readonly clock: Clock
  readonly random: Random
  /** Gets every answer, whoever asked. An error is the watch's, or that of a poll. */
  readonly observer: DiscoveryObserver
  /** What `ask` began has failed. */
  readonly onAskFailed: (cause: unknown) => void
  /** The discovery could not be asked to end a watch. */
  readonly onCloseFailed: (cause: unknown) => void
}

const resubscribeMinMs = 1_000
const resubscribeMaxMs = 30_000
const askLimitMs = 10_000

/** Where a list comes from: the watch of a discovery, or polls of one that cannot push. */
export class ListSource {
  readonly #options: ListSourceOptions
  readonly #end = new AbortController()
  #poller: Poller | undefined
  #subscription: DiscoverySubscription | undefined
  #subscribeFailures = 0
  #cancelResubscribe: CancelTimer = () => {}
  /** Answers of the watch. */
  #pushed = 0

  constructor(options: ListSourceOptions) {
    this.#options = options
  }

  /** Whether it has a watch, whose answers come unasked. */
  get pushes(): boolean {
    return typeof this.#options.discovery.watch === 'function'
  }

  start(): void {
    runInBackground(() => (this.pushes ? this.#watch() : this.#poll()))
  }

  /**
   * Asks now, besides the watch or in place of the next poll. The answer of a discovery that pushes is dropped when its watch said
   * something meanwhile, which is newer.
   */
  ask(): void {
    runInBackground(() => {
      if (this.#poller !== undefined) this.#poller.refresh()
      else void this.#askOnce()
    })
  }

  close(): void {
    this.#cancelResubscribe()
    this.#end.abort()
    this.#poller?.close()
    this.#closeQuietly(this.#subscription)
    this.#subscription = undefined
  }

  #poll(): void {
    const {
      nameInRegistry,
      discovery,
      refreshIntervalMs: intervalMs,
      clock,
      random,
      observer,
      onAskFailed,
    } = this.#options
    const settings = pollSettings({ intervalMs, clock, random })
    const error = (cause: unknown): void => {
      observer.error(cause)
      onAskFailed(cause)
    }
    const resolve: ServiceDiscovery['getInstances'] = (name, options) => discovery.getInstances(name, options)
    this.#poller = new Poller(nameInRegistry, resolve, { next: (list) => observer.next(list), error }, settings)
    this.#poller.start()
  }

  #watch(): void {
    const { nameInRegistry, discovery, clock, random, observer } = this.#options
    const next: DiscoveryObserver['next'] = (list) => {
      this.#pushed++
      observer.next(list)
    }
    try {
      const subscription = discovery.watch?.(nameInRegistry, { next, error: (cause) => observer.error(cause) })
      // The observer may have been called, and this closed by it, before `watch` returned.
      if (this.#end.signal.aborted) this.#closeQuietly(subscription)
      else this.#subscription = subscription
      this.#subscribeFailures = 0
    } catch (cause) {
      observer.error(cause)
      if (this.#end.signal.aborted) return
      const delayMs = Math.min(resubscribeMaxMs, resubscribeMinMs * 2 ** Math.min(this.#subscribeFailures++, 30))
      this.#cancelResubscribe = clock.setTimeout(() => this.#watch(), jittered(delayMs, 0.5, random), {
        background: true,
      })
    }
  }

  async #askOnce(): Promise<void> {
    const { nameInRegistry, discovery, clock, observer, onAskFailed } = this.#options
    const pushed = this.#pushed
    const limit = { clock, limitMs: askLimitMs, background: true, signals: [this.#end.signal] }
    try {
      const list = await timeLimited(limit, (signal) => discovery.getInstances(nameInRegistry, { signal }))
      if (this.#pushed === pushed) observer.next(list)
    } catch (cause) {
      if (!this.#end.signal.aborted) onAskFailed(cause)
    }
  }

  #closeQuietly(subscription: DiscoverySubscription | undefined): void {
    try {
      subscription?.close()
    } catch (cause) {
      this.#options.onCloseFailed(cause)
    }
  }
}
