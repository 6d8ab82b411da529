import { WatchLink, type WatchLinkOptions } from './watch-link.ts'
import { NoRoomError, type WatchedRange } from './watch-stream.ts'

/** So many requests to watch etcd's gateway was seen to read at least, before it began to answer: about two kilobytes. */
const mostRangesPerLink = 16

/** All ranges that a process watches, on few connections. */
export class WatchLinks {
  readonly #options: WatchLinkOptions
  readonly #links: WatchLink[] = []
  #capacity = mostRangesPerLink

  constructor(options: WatchLinkOptions) {
    this.#options = options
  }

  /** As `WatchLink.watch`, on a connection that has room. */
  async watch(watched: WatchedRange, signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        return await this.#linkWithRoom().watch(watched, signal)
      } catch (cause) {
        if (!(cause instanceof NoRoomError)) throw cause
        this.#capacity = Math.min(this.#capacity, cause.taken)
      }
    }
  }

  #linkWithRoom(): WatchLink {
    const link = this.#links.find(({ size }) => size < this.#capacity)
    if (link !== undefined) return link
    const another = new WatchLink(this.#options)
    this.#links.push(another)
    return another
  }
}
