import { exponentialBackoffMs } from '../base/backoff.ts'
import { type Clock, systemClock } from '../base/clock.ts'
import { DiscoveryError, type InvalidInstanceError } from '../base/errors.ts'
import {
  type Complete,
  checkClock,
  checkDurationMs,
  checkFunction,
  checkKeys,
  checkNumber,
} from '../base/option-checks.ts'
import { jittered, type Random, systemRandom } from '../base/random.ts'
import { RunningClock } from '../base/running-clock.ts'
import type { ServiceInstanceInit } from '../instance/instance.ts'
import type { DiscoveryObserver, DiscoverySubscription, ListSample } from './discovery.ts'
import { type ClosableWatch, closableWatch } from './open-subscriptions.ts'

/** A list, optionally with its unusable entries and its time to live. */
export type PollResult = readonly ServiceInstanceInit[] | PolledList

/** A list with further details. */
export interface PolledList {
  /** All usable instances. */
  readonly instances: readonly ServiceInstanceInit[]
  /** The unusable entries of the registry; see `DiscoveryObserver.next`. @default [] */
  readonly rejected?: readonly InvalidInstanceError[] | undefined
  /**
   * Milliseconds until the registry should be queried again, within the bounds of `poll`.
   * @default the interval of `poll`
   */
  readonly ttlMs?: number | undefined
  /** Set if the list may lack instances; see `DiscoveryObserver.next`. @default undefined: the list is whole */
  readonly sample?: ListSample | undefined
}

/** Queries a registry for a service once. `signal` is aborted when the result is no longer needed. */
export type PollResolve = (service: string, options: { signal: AbortSignal }) => PollResult | Promise<PollResult>

/** When a registry is polled. */
export interface PollOptions {
  /** Time between the end of one refresh and the next if the result has no `ttlMs`, in milliseconds. @default 10_000 */
  readonly intervalMs?: number | undefined
  /** Lower bound of `ttlMs`, in milliseconds. @default 1_000 */
  readonly minTtlMs?: number | undefined
  /** Upper bound of `ttlMs`, in milliseconds. @default 30_000 */
  readonly maxTtlMs?: number | undefined
  /** Delay of the first refresh, in milliseconds. @default 0 */
  readonly initialDelayMs?: number | undefined
  /** A refresh that takes longer, in milliseconds, counts as failed, and its signal is aborted. @default 10_000 */
  readonly timeoutMs?: number | undefined
  /** Delay after the first failure, in milliseconds; it doubles with each further one. @default 1_000 */
  readonly retryMinMs?: number | undefined
  /** Longest delay after a failure, in milliseconds. @default 30_000 */
  readonly retryMaxMs?: number | undefined
  /** Random part of each delay, from 0 to 1; delays only become shorter. @default 0.2 */
  readonly jitter?: number | undefined
  /** Source of time. @default systemClock */
  readonly clock?: Clock | undefined
  /** Source of random numbers in [0, 1). @default Math.random */
  readonly random?: Random | undefined
}

const defaults = Object.freeze({
  intervalMs: 10_000,
  minTtlMs: 1_000,
  maxTtlMs: 30_000,
  initialDelayMs: 0,
  timeoutMs: 10_000,
  retryMinMs: 1_000,
  retryMaxMs: 30_000,
  jitter: 0.2,
  clock: systemClock,
  random: systemRandom,
})

type PollSettings = Complete<PollOptions>

/**
 * Creates a `watch` from a function that queries a service once: `watch = poll(resolve, { intervalMs: 5_000 })`.
 *
 * One refresh is in flight at a time. Failures back off exponentially. Every delay is jittered. Timers do not keep the
 * process alive. A result that arrives after its timeout, or after `close()`, is dropped. `watch.close()` ends all
 * subscriptions, for the `close()` of the discovery.
 *
 * @throws InvalidOptionError
 */
export function poll(resolve: PollResolve, options: PollOptions = {}): ClosableWatch {
  checkKeys('poll', options, Object.keys(defaults))
  checkFunction('poll.resolve', resolve ?? null)
  checkPollOptions(options)
  const settings = pollSettings(options)
  return closableWatch((service, observer) => {
    const poller = new Poller(service, resolve, observer, settings)
    poller.start()
    return poller
  })
}

function checkPollOptions(options: PollOptions): void {
  for (const name of ['intervalMs', 'minTtlMs', 'maxTtlMs', 'timeoutMs', 'retryMinMs', 'retryMaxMs'] as const) {
    checkDurationMs(`poll.${name}`, options[name], { min: 1 })
  }
  checkDurationMs('poll.initialDelayMs', options.initialDelayMs)
  checkNumber('poll.jitter', options.jitter, 0, 1)
  checkFunction('poll.random', options.random)
  checkClock('poll.clock', options.clock)
}

/** `options` with every default filled in. */
export function pollSettings(options: PollOptions): PollSettings {
  return {
    intervalMs: options.intervalMs ?? defaults.intervalMs,
    minTtlMs: options.minTtlMs ?? defaults.minTtlMs,
    maxTtlMs: options.maxTtlMs ?? defaults.maxTtlMs,
    initialDelayMs: options.initialDelayMs ?? defaults.initialDelayMs,
    timeoutMs: options.timeoutMs ?? defaults.timeoutMs,
    retryMinMs: options.retryMinMs ?? defaults.retryMinMs,
    retryMaxMs: options.retryMaxMs ?? defaults.retryMaxMs,
    jitter: options.jitter ?? defaults.jitter,
    clock: options.clock ?? defaults.clock,
    random: options.random ?? defaults.random,
  }
}

/** One query. Its signal is made when it is looked at: it costs more than the rest of a poll, and many registries in memory need none. */
class PollQuery {
  #controller: AbortController | undefined
  #isAborted = false

  /** The signal is a property of its own, so that a copy of the options has it. */
  options(): { readonly signal: AbortSignal } {
    const signal = (): AbortSignal => this.#signal()
    return {
      get signal() {
        return signal()
      },
    }
  }

  abort(): void {
    this.#isAborted = true
    this.#controller?.abort()
  }

  #signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#isAborted) this.#controller.abort()
    return this.#controller.signal
  }
}

/** Queries one service repeatedly. */
export class Poller implements DiscoverySubscription {
  readonly #service: string
  readonly #resolve: PollResolve
  readonly #observer: DiscoveryObserver
  readonly #settings: PollSettings
  readonly #running: RunningClock
  #closed = false
  #failures = 0
  /** The query under way. */
  #query: PollQuery | undefined
  #cancelTimer: () => void = () => {}

  constructor(service: string, resolve: PollResolve, observer: DiscoveryObserver, settings: PollSettings) {
    this.#service = service
    this.#resolve = resolve
    this.#observer = observer
    this.#settings = settings
    this.#running = new RunningClock(settings.clock)
  }

  start(): void {
    if (this.#settings.initialDelayMs === 0) this.#refresh()
    else this.#schedule(this.#settings.initialDelayMs)
  }

  /** Queries now. A running query is dropped, because its subject may have changed meanwhile. */
  refresh(): void {
    if (this.#closed) return
    this.#cancelTimer()
    this.#query?.abort()
    this.#refresh()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#cancelTimer()
    this.#query?.abort()
  }

  #schedule(delayMs: number): void {
    const { clock, jitter, random } = this.#settings
    this.#cancelTimer = clock.setTimeout(() => this.#refresh(), jittered(delayMs, jitter, random), {
      background: true,
    })
  }

  #refresh(): void {
    const { timeoutMs } = this.#settings
    const query = new PollQuery()
    this.#query = query
    // The first to settle clears `#query`; anything later finds another one there and is dropped.
    const settle = (action: () => number): void => {
      if (this.#query !== query || this.#closed) return
      this.#query = undefined
      this.#cancelTimer()
      const delayMs = action()
      if (!this.#closed) this.#schedule(delayMs)
    }
    this.#cancelTimer = this.#running.setTimeout(
      () => {
        settle(() => this.#fail(new DiscoveryError(`no answer within ${timeoutMs} ms`)))
        query.abort()
      },
      timeoutMs,
      { background: true },
    )
    new Promise<PollResult>((resolve) => {
      resolve(this.#resolve(this.#service, query.options()))
    }).then(
      (result) => settle(() => this.#succeed(result)),
      (cause: unknown) => settle(() => this.#fail(cause)),
    )
  }

  #succeed(result: PollResult): number {
    this.#failures = 0
    const { intervalMs, minTtlMs, maxTtlMs } = this.#settings
    const { instances, rejected, ttlMs, sample } = polledList(result)
    try {
      this.#observer.next(instances, rejected, sample)
    } catch (cause) {
      // The observer's mistake is no reason to stop asking.
      this.#observer.error(cause)
    }
    if (typeof ttlMs !== 'number' || Number.isNaN(ttlMs)) return intervalMs
    return Math.min(Math.max(ttlMs, minTtlMs), maxTtlMs)
  }

  #fail(cause: unknown): number {
    const { retryMinMs, retryMaxMs } = this.#settings
    this.#failures++
    this.#observer.error(cause)
    return exponentialBackoffMs(this.#failures, retryMinMs, retryMaxMs)
  }
}

/** `result` in its long form. What is no list stays as it is, for the observer to refuse. */
export function polledList(result: PollResult): PolledList {
  return typeof result === 'object' && result !== null && 'instances' in result ? result : { instances: result }
}
