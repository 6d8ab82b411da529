import { OverloadedError } from '@lb/core'
import { systemClock } from '@lb/core/authoring'
import type { HeldResponse } from './held-response.ts'

/** Requests that wait for a connection; undici keeps those, too, that have been given up. */
const longestQueue = 1_000

/** What is asked of undici's `Pool`. */
interface LimitedPool {
  dispatch(request: never, handler: never): boolean
  readonly stats?: { readonly queued: number } | undefined
}

/** Requests that wait for one of a limited number of connections: how long, and how many, is bounded. */
export class ConnectionWait {
  readonly #waitMs: number
  #waiting = 0

  /** @param waitMs how long a request waits, in milliseconds */
  constructor(waitMs: number) {
    this.#waitMs = waitMs
  }

  /** @throws OverloadedError when 1 000 requests wait */
  refuseIfFull(): void {
    if (this.#waiting >= longestQueue) throw new OverloadedError(`${longestQueue} requests wait for a connection`)
  }

  /** `pool` has taken a request and has no connection free for another: if the request itself has none, its waiting is bounded. */
  bound(response: HeldResponse<unknown>, pool: LimitedPool | undefined): void {
    if (!response.hasBegun && pool?.stats?.queued !== 0) this.#wait(response)
  }

  #wait(response: HeldResponse<unknown>): void {
    const error = new OverloadedError(`no connection was free within ${this.#waitMs} ms (pool.connections)`)
    const cancel = systemClock.setTimeout(() => response.abort(error), this.#waitMs)
    this.#waiting++
    response.onBegin = () => {
      response.onBegin = undefined
      cancel()
      this.#waiting--
    }
  }
}

/** Bounds the waiting at `pool`, whose connections are limited. The handler of every request must be a `HeldResponse`. */
export function limitWaiting<T extends LimitedPool>(pool: T, waitMs: number): T {
  const dispatch = pool.dispatch.bind(pool)
  const wait = new ConnectionWait(waitMs)
  const limitedDispatch = (request: never, handler: never): boolean => {
    wait.refuseIfFull()
    const isFree = dispatch(request, handler)
    if (!isFree) wait.bound(handler, pool)
    return isFree
  }
  return Object.assign(pool, { dispatch: limitedDispatch })
}
