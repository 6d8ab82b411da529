import type { CancelTimer, Clock } from '@lb/core'
import type { EventEntry } from './event-entry.ts'

/** How many events wait for a slow client. */
const maxWaiting = 256
/** How many events a stream passes on in a second: more could not be read. */
const maxPerSecond = 200
/** A line that is no event, so that both sides see whether the other one is there. */
const heartbeatMs = 15_000
/** A client that reads nothing for so long is gone. */
const stalledMs = 45_000

/** Which events a client asks for. */
export type EventFilter = (entry: EventEntry) => boolean

/** What the stream needs. */
export interface EventStreamOptions {
  readonly clock: Clock
  readonly filter: EventFilter
  /** Called once, when it has ended. */
  readonly onEnd: () => void
}

/**
 * The server-sent events for one client. The server takes text as the client reads it. What comes faster waits, as far as there is room;
 * beyond that the oldest events are left out, and the client gets to know how many.
 */
export class EventStream {
  /** Called when there is something to take, or the stream has ended. */
  onReadable: () => void = () => {}
  readonly #options: EventStreamOptions
  readonly #waiting: string[] = []
  #dropped = 0
  #second = 0
  #inSecond = 0
  #takenMs: number
  #ended = false
  #stalled = false
  #cancelHeartbeat: CancelTimer

  constructor(options: EventStreamOptions) {
    this.#options = options
    this.#takenMs = options.clock.now()
    this.#cancelHeartbeat = this.#beatLater()
    // A response that has nothing to say yet would keep its headers.
    this.#waiting.push('retry: 2000\n\n')
  }

  /** Nothing more comes. What waits may still be taken, unless the client stalled. */
  get ended(): boolean {
    return this.#ended
  }

  /** Whether it ended because the client did not read. */
  get stalled(): boolean {
    return this.#stalled
  }

  /** Events of before, all of them: they are bounded, and come once. */
  replay(entries: readonly EventEntry[]): void {
    const nowMs = this.#options.clock.now()
    for (const entry of entries) if (this.#options.filter(entry)) this.#waiting.push(entry.text(nowMs))
  }

  offer(entry: EventEntry): void {
    if (this.#ended || !this.#options.filter(entry)) return
    const nowMs = this.#options.clock.now()
    if (!this.#hasRoomInSecond(nowMs)) {
      this.#dropped++
      return
    }
    this.#push(entry.text(nowMs))
  }

  /** Everything that waits, as one chunk; `undefined`: nothing does. */
  take(): string | undefined {
    this.#takenMs = this.#options.clock.now()
    if (this.#waiting.length === 0) return undefined
    const dropped = this.#dropped
    this.#dropped = 0
    const notice = dropped === 0 ? '' : `event: dropped\ndata: ${JSON.stringify({ dropped })}\n\n`
    return notice + this.#waiting.splice(0).join('')
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#cancelHeartbeat()
    this.#options.onEnd()
    this.onReadable()
  }

  #push(text: string): void {
    if (this.#waiting.length >= maxWaiting) {
      this.#waiting.shift()
      this.#dropped++
    }
    this.#waiting.push(text)
    this.onReadable()
  }

  #hasRoomInSecond(nowMs: number): boolean {
    const second = Math.floor(nowMs / 1_000)
    if (second !== this.#second) {
      this.#second = second
      this.#inSecond = 0
    }
    this.#inSecond++
    return this.#inSecond <= maxPerSecond
  }

  #beatLater(): CancelTimer {
    const { clock } = this.#options
    return clock.setTimeout(
      () => {
        if (this.#waiting.length > 0 && clock.now() - this.#takenMs >= stalledMs) {
          this.#stalled = true
          this.#waiting.length = 0
          this.end()
          return
        }
        this.#cancelHeartbeat = this.#beatLater()
        this.#push(': \n\n')
      },
      heartbeatMs,
      { background: true },
    )
  }
}
