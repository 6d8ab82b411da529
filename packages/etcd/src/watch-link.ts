import type { CancelTimer, Clock, DiscoverySubscription, Random } from '@lb/core'
import { systemRandom, watchInSessions } from '@lb/core/authoring'
import { retryAfterMsOf } from '@lb/registry-http'
import type { EtcdClient } from './client.ts'
import { type WatchedRange, WatchStream } from './watch-stream.ts'

export interface WatchLinkOptions {
  readonly client: EtcdClient
  readonly clock: Clock
  readonly random?: Random | undefined
  readonly timeoutMs: number
  readonly probeIntervalMs: number
}

/** Ranges that come within this many milliseconds begin together. Nothing is missed: each begins where its list ends. */
const groupingMs = 100

/**
 * A connection on which ranges are watched, made again when it breaks. A range that comes later makes a new request with all of them in it,
 * and each goes on where it is.
 */
export class WatchLink {
  readonly #options: WatchLinkOptions
  readonly #ranges = new Map<WatchedRange, (cause: unknown) => void>()
  readonly #connect: () => DiscoverySubscription
  #connection: DiscoverySubscription | undefined
  #stream: WatchStream | undefined
  #cancelGrouping: CancelTimer | undefined

  constructor(options: WatchLinkOptions) {
    this.#options = options
    const { clock, random } = options
    const watch = watchInSessions((_name, { signal }) => this.#run(signal), {
      clock,
      ...(random && { random }),
      retryAfterMs: retryAfterMsOf,
    })
    const observer = { next: () => {}, error: (cause: unknown) => this.#failed(cause) }
    this.#connect = () => watch('etcd', observer)
  }

  get size(): number {
    return this.#ranges.size
  }

  /**
   * Watches until `signal` is aborted, and then resolves. Rejects with a `HistoryLostError` when `watched` is to be listed again, and
   * with another error when it alone cannot be watched, which is a `NoRoomError` when another connection can. What ends the connection
   * goes to its `onFailure`, and does not reject.
   */
  watch(watched: WatchedRange, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        signal.removeEventListener('abort', abort)
        if (!this.#ranges.delete(watched)) return
        this.#stream?.drop(watched)
        if (this.#ranges.size === 0) this.#disconnect()
      }
      const abort = (): void => {
        leave()
        resolve()
      }
      if (signal.aborted) {
        resolve()
        return
      }
      signal.addEventListener('abort', abort)
      this.#ranges.set(watched, (cause) => {
        leave()
        reject(cause)
      })
      this.#group()
    })
  }

  #group(): void {
    if (this.#cancelGrouping !== undefined) return
    const begin = (): void => {
      this.#cancelGrouping = undefined
      if (this.#connection === undefined) this.#connection = this.#connect()
      else this.#stream?.regroup()
    }
    this.#cancelGrouping = this.#options.clock.setTimeout(begin, groupingMs, { background: true })
  }

  #disconnect(): void {
    this.#cancelGrouping?.()
    this.#cancelGrouping = undefined
    this.#connection?.close()
    this.#connection = undefined
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { client, clock, timeoutMs, probeIntervalMs, random = systemRandom } = this.#options
    while (!signal.aborted && this.#ranges.size > 0) {
      const stream = new WatchStream({
        client,
        clock,
        timeoutMs,
        probeIntervalMs,
        random,
        ranges: Array.from(this.#ranges.keys()),
        onLeave: (watched, cause) => this.#ranges.get(watched)?.(cause),
      })
      this.#stream = stream
      await stream.run(signal)
    }
  }

  #failed(cause: unknown): void {
    for (const watched of Array.from(this.#ranges.keys())) watched.onFailure(cause)
  }
}
