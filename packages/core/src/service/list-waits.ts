import type { CancelTimer } from '../base/clock.ts'
import { type DiscoveryError, NoAvailableInstanceError } from '../base/errors.ts'
import type { RunningClock } from '../base/running-clock.ts'
import type { InstanceCache } from '../cache/instance-cache.ts'
import type { WaitingCall } from './waiting-call.ts'

export interface ListWaitsOptions {
  readonly cache: InstanceCache
  readonly clock: RunningClock
  /** Gets the calls that wait. */
  readonly waiting: Set<WaitingCall>
  readonly firstListTimeoutMs: number
  /** Why there is no list. */
  readonly noListError: () => DiscoveryError
}

/** How long a call waits for a list with another instance when all that it knows refuse. */
const longestWaitMs = 2_000

/** Calls of one service that wait for a list. */
export class ListWaits {
  readonly #options: ListWaitsOptions

  constructor(options: ListWaitsOptions) {
    this.#options = options
  }

  /** Waits for the first list, at most `firstListTimeoutMs`. */
  first(scope: WaitingCall): Promise<void> {
    const { cache, firstListTimeoutMs, noListError } = this.#options
    return this.#wait<void>(scope, firstListTimeoutMs, {
      begin: (resolve, reject) => cache.onFirstList((error) => (error === undefined ? resolve() : reject(error))),
      late: (_resolve, reject) => reject(noListError()),
    })
  }

  /**
   * Waits for a list that is newer than `version` and from which `take` gives something; `undefined` when none is to be expected by
   * `untilMs`, and never later than 2 s from now. For a call that has no instance left: the registry may know others by now.
   */
  async takeFromNewer<T>(
    scope: WaitingCall,
    { version, untilMs }: { readonly version: number; readonly untilMs: number },
    take: () => T | Promise<T> | undefined,
  ): Promise<T | undefined> {
    const { cache, clock } = this.#options
    const endsAtMs = Math.min(untilMs, clock.now() + longestWaitMs)
    for (let seen = version; await this.#newer(scope, seen, endsAtMs); ) {
      seen = cache.version
      try {
        const taken = await take()
        if (taken !== undefined) return taken
      } catch (error) {
        if (!(error instanceof NoAvailableInstanceError)) throw error
      }
    }
    return undefined
  }

  /** False: it is not to be expected by `untilMs`. */
  async #newer(scope: WaitingCall, version: number, untilMs: number): Promise<boolean> {
    const { cache, clock } = this.#options
    const isNewer = (): boolean => cache.version !== version
    // The cache goes by the time that passes also while the process stands.
    const isVain = (): boolean => !cache.expectsAnswerBy(untilMs + clock.stoodMs)
    if (isNewer() || isVain()) return isNewer()
    return this.#wait<boolean>(scope, untilMs - clock.now(), {
      begin: (resolve) =>
        cache.onAnswer(() => {
          if (isNewer() || isVain()) resolve(isNewer())
        }),
      late: (resolve) => resolve(isNewer()),
    })
  }

  async #wait<T>(
    scope: WaitingCall,
    limitMs: number,
    {
      begin,
      late,
    }: {
      readonly begin: (resolve: (value: T) => void, reject: (reason: unknown) => void) => () => void
      readonly late: (resolve: (value: T) => void, reject: (reason: unknown) => void) => void
    },
  ): Promise<T> {
    const { clock, waiting } = this.#options
    let cancelTimer: CancelTimer = () => {}
    let end: () => void = () => {}
    waiting.add(scope)
    try {
      return await scope.run<T>((resolve, reject) => {
        end = begin(resolve, reject)
        cancelTimer = clock.setTimeout(() => late(resolve, reject), limitMs)
      })
    } finally {
      waiting.delete(scope)
      cancelTimer()
      end()
    }
  }
}
