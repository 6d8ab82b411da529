import { fullJitterBackoffMs } from '../base/backoff.ts'
import { type Clock, systemClock } from '../base/clock.ts'
import { DiscoveryError, type InvalidInstanceError } from '../base/errors.ts'
import { type Complete, checkClock, checkDurationMs, checkFunction, checkKeys } from '../base/option-checks.ts'
import { type Random, systemRandom } from '../base/random.ts'
import type { ServiceInstanceInit } from '../instance/instance.ts'
import type { DiscoveryObserver } from './discovery.ts'
import { type ClosableWatch, closableWatch } from './open-subscriptions.ts'
import { PacedCalls } from './paced-calls.ts'
import { type PolledList, type PollResult, polledList } from './poll.ts'

/** What a session passes on of its service, and how it learns that it is no longer wanted. */
export interface WatchSession {
  /** Aborted when the subscription is closed, and when the session has ended: everything it opened is to end. */
  readonly signal: AbortSignal
  /** Passes on the whole list, as `DiscoveryObserver.next`. Does nothing once the session has ended or the subscription was closed. */
  next(instances: readonly ServiceInstanceInit[], rejected?: readonly InvalidInstanceError[] | undefined): void
  /**
   * Passes on what `list` gives, at once, and for further changes at most once in `paceMs`: a burst of changes makes one list. What waits
   * is passed on before an error, and at the end of the session. When `list` throws, that is an error, and the session goes on.
   */
  changed(list: () => PollResult): void
  /** Something went wrong that does not end the session. Does nothing once the session has ended or the subscription was closed. */
  error(cause: unknown): void
}

/**
 * One connection to the registry: lists, watches, and goes on until the connection ends. Rejecting is a failure;
 * resolving is an end that the registry may well make, such as that of a watch with a time limit.
 */
export type RunWatchSession = (service: string, session: WatchSession) => Promise<void>

/** When the sessions of a watch follow each other. */
export interface WatchSessionsOptions {
  /** Longest delay before the session after the first failure, in milliseconds; it doubles with each further one. Default 1 000. */
  readonly retryMinMs?: number | undefined
  /** Default 30 000. */
  readonly retryMaxMs?: number | undefined
  /**
   * A session that lasted this many milliseconds was a good one: the failures before it are forgotten, and the next one begins at
   * once when it resolved. One that was shorter counts as a failure however it ended, so that a registry that ends every watch
   * at once is not asked in a hot loop. At least 1; default 5 000.
   */
  readonly stableAfterMs?: number | undefined
  /** Least time between two lists that `changed` makes, in milliseconds, so that a rollout does not cost a list for each instance. At least 1; default 100. */
  readonly paceMs?: number | undefined
  /**
   * A delay in milliseconds that a failure asks for, such as that of `Retry-After`; jitter of up to a half is added. It only makes
   * the usual backoff longer, up to 5 minutes. `undefined`: it asks for none.
   */
  readonly retryAfterMs?: (cause: unknown) => number | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
}

/** A registry that asks for more is asked again all the same: a mistake there must not end discovery for a day. */
const maxRetryAfterMs = 300_000

const defaults = Object.freeze({
  retryMinMs: 1_000,
  retryMaxMs: 30_000,
  stableAfterMs: 5_000,
  paceMs: 100,
  retryAfterMs: () => undefined,
  clock: systemClock,
  random: systemRandom,
})

type Settings = Complete<WatchSessionsOptions>

/**
 * Makes a `watch` for a registry that pushes, out of a function that runs one session with it:
 * `watch = watchInSessions(async (service, { signal, next }) => { … })`.
 *
 * When a session ends, another one begins: after a failure with exponential backoff and full jitter, so that the clients of a
 * registry that was restarted do not come back together. One session runs at a time. Timers do not keep the process alive.
 * `watch.close()` ends all subscriptions, for the `close()` of the discovery.
 *
 * @throws InvalidOptionError
 */
export function watchInSessions(run: RunWatchSession, options: WatchSessionsOptions = {}): ClosableWatch {
  checkKeys('watchInSessions', options, Object.keys(defaults))
  checkFunction('watchInSessions.run', run ?? null)
  for (const name of ['retryMinMs', 'retryMaxMs', 'stableAfterMs', 'paceMs'] as const) {
    checkDurationMs(`watchInSessions.${name}`, options[name], { min: 1 })
  }
  checkFunction('watchInSessions.retryAfterMs', options.retryAfterMs)
  checkFunction('watchInSessions.random', options.random)
  checkClock('watchInSessions.clock', options.clock)
  const settings: Settings = {
    retryMinMs: options.retryMinMs ?? defaults.retryMinMs,
    retryMaxMs: options.retryMaxMs ?? defaults.retryMaxMs,
    stableAfterMs: options.stableAfterMs ?? defaults.stableAfterMs,
    paceMs: options.paceMs ?? defaults.paceMs,
    retryAfterMs: options.retryAfterMs ?? defaults.retryAfterMs,
    clock: options.clock ?? defaults.clock,
    random: options.random ?? defaults.random,
  }
  return closableWatch((service, observer) => {
    const sessions = new WatchSessions(service, run, observer, settings)
    sessions.begin()
    return { close: () => sessions.close() }
  })
}

class WatchSessions {
  readonly #service: string
  readonly #run: RunWatchSession
  readonly #observer: DiscoveryObserver
  readonly #settings: Settings
  #isClosed = false
  #failures = 0
  #session = new AbortController()
  #list: () => PollResult = () => []
  readonly #pace: PacedCalls
  #cancelTimer: () => void = () => {}

  constructor(service: string, run: RunWatchSession, observer: DiscoveryObserver, settings: Settings) {
    this.#service = service
    this.#run = run
    this.#observer = observer
    this.#settings = settings
    this.#pace = new PacedCalls(() => this.#passList(), settings.paceMs, settings.clock)
  }

  begin(): void {
    const { clock, stableAfterMs } = this.#settings
    const startedAtMs = clock.now()
    const controller = new AbortController()
    this.#session = controller
    const over = (what: string): boolean => {
      this.#pace.flush()
      controller.abort(new DiscoveryError(`${this.#service}: ${what}`, { service: this.#service }))
      if (clock.now() - startedAtMs < stableAfterMs) return false
      this.#failures = 0
      return true
    }
    new Promise<void>((resolve) => {
      resolve(this.#run(this.#service, this.#sessionUntil(controller.signal)))
    }).then(
      () => this.#ended(over('the session ended')),
      (cause: unknown) => {
        over('the session failed')
        this.#failed(cause)
      },
    )
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#cancelTimer()
    this.#pace.close()
    this.#session.abort(new DiscoveryError(`${this.#service}: the watch was closed`, { service: this.#service }))
  }

  #sessionUntil(signal: AbortSignal): WatchSession {
    return {
      signal,
      next: (instances, rejected) => {
        if (signal.aborted) return
        this.#pace.close()
        this.#pass({ instances, rejected })
      },
      changed: (list) => {
        if (signal.aborted) return
        this.#list = list
        this.#pace.request()
      },
      error: (cause) => {
        if (signal.aborted) return
        this.#pace.flush()
        this.#report(cause)
      },
    }
  }

  #passList(): void {
    let list: PolledList
    try {
      list = polledList(this.#list())
    } catch (cause) {
      // The connection is good: the next change may mend it.
      this.#report(cause)
      return
    }
    this.#pass(list)
  }

  #pass({ instances, rejected }: PolledList): void {
    try {
      this.#observer.next(instances, rejected)
    } catch (cause) {
      // The observer's mistake is no reason to end the watch.
      if (!this.#isClosed) this.#report(cause)
    }
  }

  #report(cause: unknown): void {
    try {
      this.#observer.error(cause)
    } catch {
      // The observer's mistake.
    }
  }

  #ended(isStable: boolean): void {
    if (this.#isClosed) return
    if (isStable) this.begin()
    else this.#beginLater(this.#backoffMs())
  }

  #failed(cause: unknown): void {
    if (this.#isClosed) return
    const delayMs = Math.max(this.#backoffMs(), this.#askedMs(cause))
    this.#report(cause)
    // The observer may have closed the subscription.
    if (!this.#isClosed) this.#beginLater(delayMs)
  }

  #askedMs(cause: unknown): number {
    const { random, retryAfterMs } = this.#settings
    try {
      const askedMs = retryAfterMs(cause)
      if (askedMs === undefined || !(askedMs > 0)) return 0
      return Math.min(askedMs, maxRetryAfterMs) * (1 + random() / 2)
    } catch {
      return 0
    }
  }

  #backoffMs(): number {
    const { retryMinMs, retryMaxMs, random } = this.#settings
    this.#failures++
    return fullJitterBackoffMs(this.#failures, retryMinMs, retryMaxMs, random)
  }

  #beginLater(delayMs: number): void {
    this.#cancelTimer = this.#settings.clock.setTimeout(() => this.begin(), delayMs, { background: true })
  }
}
