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

/** What a session delivers for its service, and how it learns that it is no longer needed. */
export interface WatchSession {
  /**
   * Aborted when the subscription is closed and when the session has ended: everything that the session opened must
   * end.
   */
  readonly signal: AbortSignal
  /**
   * Delivers the whole list, as `DiscoveryObserver.next`. Does nothing after the end of the session or the
   * subscription.
   */
  next(instances: readonly ServiceInstanceInit[], rejected?: readonly InvalidInstanceError[]): void
  /**
   * Delivers the result of `list` at once, and for further changes at most once in `paceMs`: a burst of changes creates
   * one list. A waiting list is delivered before an error and at the end of the session. If `list` throws, that counts
   * as an error, and the session continues.
   */
  changed(list: () => PollResult): void
  /** Reports an error that does not end the session. Does nothing after the end of the session or the subscription. */
  error(cause: unknown): void
}

/**
 * One connection to the registry: it lists, and then watches until the connection ends. A rejection is a failure; a
 * resolution is a normal end, such as that of a watch with a time limit.
 */
export type RunWatchSession = (service: string, session: WatchSession) => Promise<void>

/** When the sessions of a watch follow each other. */
export interface WatchSessionsOptions {
  /**
   * Longest delay before the session after the first failure, in milliseconds; it doubles with each further one.
   * @default 1_000
   */
  readonly retryMinMs?: number | undefined
  /** Longest delay between sessions, in milliseconds. @default 30_000 */
  readonly retryMaxMs?: number | undefined
  /**
   * A session that lasted this many milliseconds (≥ 1) was good: earlier failures are forgotten, and if it resolved,
   * the next one starts at once. A shorter session counts as a failure however it ended, so that a registry which ends
   * every watch at once is not queried in a tight loop.
   * @default 5_000
   */
  readonly stableAfterMs?: number | undefined
  /**
   * Shortest time between two lists of `changed`, in milliseconds, ≥ 1, so that a rollout does not cost a list for each
   * instance.
   * @default 100
   */
  readonly paceMs?: number | undefined
  /**
   * The delay that a failure asks for, such as by `Retry-After`, in milliseconds, or `undefined`. Jitter of up to a
   * half is added. It only lengthens the usual backoff, up to 5 minutes.
   * @default () => undefined
   */
  readonly retryAfterMs?: (cause: unknown) => number | undefined
  /** Source of time. @default systemClock */
  readonly clock?: Clock | undefined
  /** Source of random numbers in [0, 1). @default Math.random */
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
 * Creates a `watch` for a registry that pushes, from a function that runs one session with it:
 * `watch = watchInSessions(async (service, { signal, next }) => { … })`.
 *
 * When a session ends, another one starts; after a failure with exponential backoff and full jitter, so that the
 * clients of a restarted registry do not return together. One session runs at a time. Timers do not keep the process
 * alive. `watch.close()` ends all subscriptions, for the `close()` of the discovery.
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

  #pass({ instances, rejected, sample }: PolledList): void {
    try {
      this.#observer.next(instances, rejected, sample)
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
