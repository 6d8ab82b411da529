import { type CancelTimer, type Clock, DiscoveryError, type Random } from '@lb/core'
import { RegistryError } from '@lb/registry-http'
import type { EtcdClient } from './client.ts'
import { EtcdError, grpcCodes, HistoryLostError, isTokenReason } from './errors.ts'
import type { KeyRange } from './key-range.ts'
import { MalformedMessage, readWatchMessage, type WatchMessage } from './messages.ts'
import type { WatchedKeys } from './watched-keys.ts'

/** One range that is watched, with what is known of it. */
export interface WatchedRange {
  readonly range: KeyRange
  /** Listed already. */
  readonly keys: WatchedKeys
  /** The watch is there, again: what is known holds. */
  onWatching(): void
  onChange(): void
  /** The connection failed; it will be made again. */
  onFailure(cause: unknown): void
}

export interface WatchStreamOptions {
  readonly client: EtcdClient
  readonly ranges: readonly WatchedRange[]
  /** Ends the watch of one range, with a `NoRoomError` when it is to be watched by another request; the others go on. */
  readonly onLeave: (range: WatchedRange, cause: unknown) => void
  readonly clock: Clock
  readonly timeoutMs: number
  /** How long the stream may be silent before etcd is asked whether it should be; up to a fifth less, so that clients do not ask together. */
  readonly probeIntervalMs: number
  readonly random: Random
}

/** How long the next range may take to be watched after the one before it, in milliseconds. */
const nextRangeMs = 1_000

/** Part of the time between probes that is random. */
const probeJitter = 0.2

/** How long a change may take from the store to the stream, in milliseconds. */
const deliveryMs = 1_000

/** etcd has not taken the range from this request. */
export class NoRoomError extends Error {
  /** How many ranges it took. */
  readonly taken: number

  constructor(taken: number) {
    super(`only ${taken} ranges are watched by one request`)
    this.taken = taken
  }
}

/** One request that watches several ranges, from what is known of each. */
export class WatchStream {
  readonly #options: WatchStreamOptions
  readonly #controller = new AbortController()
  readonly #byId = new Map<string, WatchedRange>()
  readonly #left = new Set<WatchedRange>()
  #created = 0
  #server = ''
  #messages = 0
  #isRegrouping = false
  #probed = 0
  #failure: { readonly cause: unknown } | undefined
  #cancelTimer: CancelTimer = () => {}

  constructor(options: WatchStreamOptions) {
    this.#options = options
  }

  /** Ends it, so that another one can take its place. */
  regroup(): void {
    this.#isRegrouping = true
    this.#controller.abort()
  }

  /** What still comes for `watched` is dropped. */
  drop(watched: WatchedRange): void {
    this.#left.add(watched)
  }

  /** Resolves after `regroup`, and when `signal` is aborted. Rejects when the connection breaks. */
  async run(signal: AbortSignal): Promise<void> {
    const abort = (): void => this.#controller.abort()
    signal.addEventListener('abort', abort)
    if (signal.aborted) abort()
    try {
      await this.#watch()
    } catch (cause) {
      if (!signal.aborted && !this.#isRegrouping) throw this.#failure?.cause ?? cause
    } finally {
      signal.removeEventListener('abort', abort)
      this.#cancelTimer()
      this.#controller.abort()
    }
  }

  async #watch(): Promise<void> {
    const { client } = this.#options
    const ranges = await this.#askWhere()
    if (ranges.length === 0) return
    const starts = ranges.map(({ range, keys }) => ({ range, startRevision: (keys.revision ?? 0n) + 1n }))
    const lines = await client.watch(this.#server, starts, this.#controller.signal)
    this.#awaitCreated(ranges, this.#options.timeoutMs)
    for await (const line of lines) {
      this.#receive(ranges, this.#read(line))
    }
    throw new RegistryError(`the watch on ${this.#server} ended`)
  }

  /**
   * Finds an endpoint that has a quorum, and leaves out the ranges whose history etcd does not have: a watch from a revision that is
   * still to come would be silent. That happens when its data were lost, or restored.
   */
  async #askWhere(): Promise<readonly WatchedRange[]> {
    const { client, ranges, onLeave } = this.#options
    const { signal } = this.#controller
    for (const [index, first] of ranges.entries()) {
      try {
        const { server, revision } = await client.newest(first.range, { signal, background: true })
        this.#server = server
        return ranges.slice(index).filter((watched) => {
          const { keys } = watched
          if (keys.revision === undefined || keys.revision <= revision) return true
          onLeave(watched, new HistoryLostError(`${server} is at revision ${revision}, before ${keys.revision}`))
          return false
        })
      } catch (cause) {
        if (!(cause instanceof EtcdError) || cause.grpcCode !== grpcCodes.permissionDenied) throw cause
        onLeave(first, cause)
      }
    }
    return []
  }

  #read(line: string): WatchMessage {
    try {
      const message = readWatchMessage(line)
      if (!('code' in message)) return message
      throw this.#options.client.watchError(this.#server, message)
    } catch (cause) {
      if (!(cause instanceof MalformedMessage)) throw cause
      throw new RegistryError(`the watch on ${this.#server} sent something malformed: ${cause.message}`)
    }
  }

  #receive(ranges: readonly WatchedRange[], message: WatchMessage): void {
    this.#messages++
    if (message.created) {
      const watched = ranges[this.#created]
      this.#created++
      if (watched === undefined) return
      if (this.#created === ranges.length) this.#probeLater()
      else this.#awaitCreated(ranges, nextRangeMs)
      if (this.#left.has(watched)) return
      if (message.canceled) this.#leave(watched, message)
      else {
        this.#byId.set(message.watchId, watched)
        watched.onWatching()
      }
      return
    }
    const watched = this.#byId.get(message.watchId)
    if (watched === undefined || this.#left.has(watched)) return
    if (message.canceled) {
      this.#byId.delete(message.watchId)
      this.#leave(watched, message)
    } else if (watched.keys.apply(message)) watched.onChange()
  }

  #leave(watched: WatchedRange, { compacted, cancelReason }: WatchMessage): void {
    const { client, onLeave } = this.#options
    if (compacted || cancelReason.includes('required revision has been compacted')) {
      onLeave(watched, new HistoryLostError(`${this.#server} has compacted the changes since`))
      return
    }
    if (isTokenReason(cancelReason)) client.renewToken().catch(() => {})
    const denied = cancelReason.includes('permission denied')
    const code = denied ? grpcCodes.permissionDenied : grpcCodes.unauthenticated
    onLeave(watched, client.watchError(this.#server, { code, message: cancelReason || 'no reason was given' }))
  }

  #awaitCreated(ranges: readonly WatchedRange[], delayMs: number): void {
    this.#later(delayMs, () => this.#checkCreated(ranges))
  }

  /**
   * The gateway may stop to read the request when it begins to answer: what it has not read by then is for another request. When there is no
   * answer at all, something in between keeps the messages to itself, and only lists are of use.
   */
  #checkCreated(ranges: readonly WatchedRange[]): void {
    const { onLeave, timeoutMs } = this.#options
    const taken = this.#created
    const notBegun = new RegistryError(`${this.#server} has not begun to watch after ${timeoutMs} ms`)
    for (const watched of ranges.slice(taken)) {
      if (this.#left.has(watched)) continue
      if (taken === 0) watched.keys.forget()
      onLeave(watched, taken === 0 ? notBegun : new NoRoomError(taken))
    }
    if (taken === 0) this.#fail(notBegun)
    else this.#probeLater()
  }

  #probeLater(): void {
    const seen = this.#messages
    const probe = (): void => {
      if (this.#messages !== seen) this.#probeLater()
      else
        this.#probe().then(
          () => this.#probeLater(),
          (cause: unknown) => this.#fail(cause),
        )
    }
    const { probeIntervalMs, random } = this.#options
    this.#later(probeIntervalMs * (1 - probeJitter * random()), probe)
  }

  /**
   * A connection that is silent may be dead, without a sign of it. So another one asks the same endpoint for the newest change in one of
   * the ranges, each in its turn; if that is not here a moment later either, the stream cannot be relied upon.
   */
  async #probe(): Promise<void> {
    const { onLeave } = this.#options
    const watching = Array.from(this.#byId.values()).filter((watched) => !this.#left.has(watched))
    const watched = watching[this.#probed++ % Math.max(1, watching.length)]
    if (watched === undefined || !(await this.#isBehind(watched))) return
    const seen = this.#messages
    await new Promise<void>((resolve) => this.#later(deliveryMs, resolve))
    if (this.#messages !== seen || !(await this.#isBehind(watched))) return
    const cause = new HistoryLostError(`the watch on ${this.#server} left out a change`)
    onLeave(watched, cause)
    throw cause
  }

  async #isBehind({ range, keys }: WatchedRange): Promise<boolean> {
    const { signal } = this.#controller
    return keys.isBehind(await this.#options.client.newest(range, { server: this.#server, signal, background: true }))
  }

  /** There is one timer at a time, and none after the end. */
  #later(delayMs: number, callback: () => void): void {
    this.#cancelTimer()
    if (this.#controller.signal.aborted) return
    this.#cancelTimer = this.#options.clock.setTimeout(callback, delayMs, { background: true })
  }

  #fail(cause: unknown): void {
    this.#cancelTimer()
    this.#failure ??= { cause: cause instanceof DiscoveryError ? cause : new RegistryError(String(cause)) }
    this.#controller.abort()
  }
}
