import { type Clock, systemClock } from '../base/clock.ts'
import { messageOf } from '../base/error-message.ts'
import { DiscoveryError } from '../base/errors.ts'
import { checkClock, checkDurationMs, checkFunction, checkKeys } from '../base/option-checks.ts'
import { type Random, systemRandom } from '../base/random.ts'
import { timeLimited } from '../base/time-limit.ts'
import type { ServiceInstanceInit } from '../instance/instance.ts'
import type { DiscoveryObserver, DiscoverySubscription, ServiceDiscovery } from './discovery.ts'
import { nothingUsable } from './instance-list.ts'
import { OpenSubscriptions, type Watch } from './open-subscriptions.ts'
import { type PollOptions, type PollResult, poll, polledList } from './poll.ts'
import { type WatchSession, type WatchSessionsOptions, watchInSessions } from './watch-sessions.ts'

/** One query to a registry. */
export interface Question {
  /** Aborted when the result is no longer needed. */
  readonly signal: AbortSignal
  /** Only a watch waits for the result: neither sockets nor timers of the query keep the process alive. */
  readonly background: boolean
}

/** How to query a registry for one service. Its state lives as long as one watch or one query. */
export interface RegistryService {
  /** Queries the registry for the list once. */
  ask(question: Question): Promise<PollResult>
  /**
   * Runs one session with the registry, as in `watchInSessions`. Absent: the registry cannot push, and a watch polls,
   * as in `poll`.
   */
  session?(session: WatchSession): Promise<void>
}

/** The registry-specific part of a discovery. */
export interface DiscoveryDefinition {
  /** Starts to handle `service`. @throws DiscoveryError if the registry cannot have a service of that name */
  readonly service: (service: string) => RegistryService
  /**
   * Longest time for `getInstances`, in milliseconds, ≥ 1.
   * @default undefined: only the limit of the registry's client
   */
  readonly askLimitMs?: number | undefined
  /** When a registry that cannot push is polled. @default {} */
  readonly poll?: Omit<PollOptions, 'clock' | 'random'> | undefined
  /** When one session follows another. `retryAfterMs` receives errors as they were thrown. @default {} */
  readonly sessions?: Omit<WatchSessionsOptions, 'clock' | 'random'> | undefined
  /**
   * The error that callers and observers get for a failure.
   * @default a DiscoveryError that starts with the name of the service
   */
  readonly errorOf?: ((service: string, cause: unknown) => Error) | undefined
  /** Ends connections and the like; called once, when every watch and query has ended. @default undefined */
  readonly close?: (() => void | Promise<void>) | undefined
  /** Source of time. @default systemClock */
  readonly clock?: Clock | undefined
  /** Source of random numbers in [0, 1). @default Math.random */
  readonly random?: Random | undefined
}

const keys: readonly (keyof DiscoveryDefinition)[] = [
  'service',
  'askLimitMs',
  'poll',
  'sessions',
  'errorOf',
  'close',
  'clock',
  'random',
]

/**
 * Creates a discovery from the way in which a registry is queried and watched for one service.
 *
 *     const discovery = defineDiscovery({ service: (name) => ({ ask: ({ signal }) => client.list(name, signal) }) })
 *
 * @throws InvalidOptionError
 */
export function defineDiscovery(definition: DiscoveryDefinition): DefinedDiscovery {
  return new DefinedDiscovery(definition)
}

function checkDefinition(definition: DiscoveryDefinition): void {
  const path = 'defineDiscovery'
  checkKeys(path, definition, keys)
  checkFunction(`${path}.service`, definition.service ?? null)
  checkFunction(`${path}.errorOf`, definition.errorOf)
  checkFunction(`${path}.close`, definition.close)
  checkFunction(`${path}.random`, definition.random)
  checkClock(`${path}.clock`, definition.clock)
  checkDurationMs(`${path}.askLimitMs`, definition.askLimitMs, { min: 1 })
}

/**
 * A discovery that consists of its definition: what `defineDiscovery` gives, and what a class for one registry extends. It adds limits,
 * the caller's signal, errors that name the service, and sessions or polls that follow each other with backoff and jitter. After
 * `close()`, every query rejects with LB_CLOSED, including running ones, and each watch receives it as its last notification.
 */
export class DefinedDiscovery implements ServiceDiscovery {
  readonly #definition: DiscoveryDefinition
  readonly #clock: Clock
  readonly #random: Random
  readonly #subscriptions = new OpenSubscriptions()
  readonly #end = new AbortController()
  #closed: Promise<void> | undefined

  /** @throws InvalidOptionError */
  constructor(definition: DiscoveryDefinition) {
    checkDefinition(definition)
    this.#definition = { ...definition }
    this.#clock = definition.clock ?? systemClock
    this.#random = definition.random ?? systemRandom
  }

  /**
   * Queries the registry once, whatever a watch knows.
   *
   * @throws DiscoveryError when it cannot be known which instances there are; the reason of `signal` when that is aborted;
   * LoadBalancerClosedError
   */
  async getInstances(
    service: string,
    { signal: caller }: { signal?: AbortSignal | undefined } = {},
  ): Promise<readonly ServiceInstanceInit[]> {
    caller?.throwIfAborted()
    this.#subscriptions.throwIfClosed(service)
    const limit = { clock: this.#clock, limitMs: this.#definition.askLimitMs, signals: [caller, this.#end.signal] }
    try {
      const ask = (signal: AbortSignal): Promise<PollResult> =>
        this.#definition.service(service).ask({ signal, background: false })
      return usable(service, await timeLimited(limit, ask))
    } catch (cause) {
      caller?.throwIfAborted()
      this.#subscriptions.throwIfClosed(service)
      throw this.#errorOf(service, cause)
    }
  }

  /** Emits the list of `service`, and each one that replaces it, until it is closed: by sessions, or by polls. */
  watch(service: string, observer: DiscoveryObserver): DiscoverySubscription {
    return this.#subscriptions.open(service, observer, (_service, open) =>
      this.#begin(service, {
        next: (...list) => open.next(...list),
        error: (cause) => open.error(this.#errorOf(service, cause)),
      }),
    )
  }

  /** Ends every query and watch, with their timers and connections. A second call gives the same promise. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#subscriptions.close()
    this.#end.abort()
    await this.#definition.close?.()
  }

  #begin(service: string, observer: DiscoveryObserver): DiscoverySubscription {
    let asked: RegistryService | undefined
    try {
      asked = this.#definition.service(service)
    } catch (cause) {
      // No registry has a service of that name, now or later.
      observer.error(cause)
      return { close: () => {} }
    }
    return this.#watchOf(asked)(service, observer)
  }

  #watchOf(asked: RegistryService): Watch {
    const chance = { clock: this.#clock, random: this.#random }
    if (typeof asked.session !== 'function') {
      return poll((_service, { signal }) => asked.ask({ signal, background: true }), {
        ...this.#definition.poll,
        ...chance,
      })
    }
    return watchInSessions(async (_service, session) => asked.session?.(session), {
      ...this.#definition.sessions,
      ...chance,
    })
  }

  #errorOf(service: string, cause: unknown): Error {
    return (this.#definition.errorOf ?? discoveryErrorOf)(service, cause)
  }
}

/** `cause` as an error about `service`: itself, when it is one already. */
export function discoveryErrorOf(service: string, cause: unknown): DiscoveryError {
  if (cause instanceof DiscoveryError && cause.service !== undefined) return cause
  const reason = messageOf(cause)
  return new DiscoveryError(`${service}: ${reason}`, { service, cause })
}

/** What is rejected goes to watches only. A list of which nothing is left would be an empty one, which says something else. */
function usable(service: string, result: PollResult): readonly ServiceInstanceInit[] {
  const { instances, rejected = [] } = polledList(result)
  if (instances.length === 0 && rejected.length > 0) throw nothingUsable(service, 0, rejected)
  return instances
}
