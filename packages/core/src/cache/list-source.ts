import { runInBackground } from '../base/background-context.ts'
import { timeLimited } from '../base/time-limit.ts'
import type { DiscoveryObserver, ListSample } from '../discovery/discovery.ts'
import { FollowedService, type FollowedServiceOptions } from '../discovery/followed-service.ts'

/** `observer` gets every list, whatever requested it; an error comes from the watch or a poll. */
export interface ListSourceOptions extends FollowedServiceOptions {
  /** What `ask` began has failed. */
  readonly onAskFailed: (cause: unknown) => void
}

const askLimitMs = 10_000

/** Where a list comes from: the watch of a discovery, or polls of one that cannot push. */
export class ListSource implements DiscoveryObserver {
  readonly #options: ListSourceOptions
  readonly #followed: FollowedService
  #end: AbortController | undefined
  #isClosed = false
  /** Answers of the watch. */
  #pushed = 0
  #sample: ListSample | undefined

  constructor(options: ListSourceOptions) {
    this.#options = options
    this.#followed = new FollowedService(options, this)
  }

  /** For what it follows, as is `error`. */
  next(...[list, rejected, sample]: Parameters<DiscoveryObserver['next']>): void {
    this.#pushed++
    this.#sample = sample
    this.#options.observer.next(list, rejected, sample)
  }

  error(cause: unknown): void {
    this.#options.observer.error(cause)
    if (!this.pushes) this.#options.onAskFailed(cause)
  }

  /** Set if the last list of the watch may lack instances: then one that is asked for may, too. */
  get sample(): ListSample | undefined {
    return this.#sample
  }

  /** Whether it has a watch, whose answers come unasked. */
  get pushes(): boolean {
    return this.#followed.pushes
  }

  start(): void {
    runInBackground(() => this.#followed.start())
  }

  /**
   * Asks now, besides the watch or in place of the next poll. The answer of a discovery that pushes is dropped when its watch said
   * something meanwhile, which is newer.
   */
  ask(): void {
    runInBackground(() => {
      if (!this.#followed.pollNow()) void this.#askOnce()
    })
  }

  close(): void {
    this.#isClosed = true
    this.#end?.abort()
    this.#followed.close()
  }

  async #askOnce(): Promise<void> {
    const { nameInRegistry, discovery, clock, observer, onAskFailed } = this.#options
    const pushed = this.#pushed
    this.#end ??= new AbortController()
    const limit = { clock, limitMs: askLimitMs, background: true, signals: [this.#end.signal] }
    try {
      const list = await timeLimited(limit, (signal) => discovery.getInstances(nameInRegistry, { signal }))
      if (this.#pushed === pushed) observer.next(list, undefined, this.#sample)
    } catch (cause) {
      if (!this.#isClosed) onAskFailed(cause)
    }
  }
}
