import type { Clock, LoadBalancer, LoadBalancerEvent } from '@lb/core'
import { boundedJson } from '../bounded-json.ts'
import { ApiError } from '../http/api-error.ts'
import { EventEntry } from './event-entry.ts'
import { type Frequency, isRare, typesUpTo } from './event-frequency.ts'
import { type EventFilter, EventStream } from './event-stream.ts'

/** How many events are kept for streams that are opened later. */
const maxKept = 500

/** What the log needs. */
export interface EventLogOptions {
  readonly lb: LoadBalancer
  readonly clock: Clock
  readonly maxStreams: number
  /** Called with every event that does not belong to a call, after the streams. */
  readonly onEvent: (event: LoadBalancerEvent) => void
}

/** The last events, and the streams that get them. Those of calls are listened to only while a stream wants them. */
export class EventLog {
  readonly #options: EventLogOptions
  readonly #kept: EventEntry[] = []
  /** Each with whether it wants what comes with every call. */
  readonly #streams = new Map<EventStream, boolean>()
  #lastId = 0
  #unsubscribe: () => void
  /** The most frequent events that are subscribed to. */
  #most: Frequency = 'rare'

  constructor(options: EventLogOptions) {
    this.#options = options
    this.#unsubscribe = options.lb.subscribe(this.#receive, typesUpTo('rare'))
  }

  /**
   * A stream of the events from now on, after those that were kept since the event `lastId`; from the first one without.
   *
   * @throws ApiError if there are too many
   */
  open(filter: EventFilter, wantsCalls: boolean, lastId: number): EventStream {
    const { clock, maxStreams } = this.#options
    if (this.#streams.size >= maxStreams) {
      const message = `${maxStreams} streams of events are open, which is maxStreams. Close one, or raise it`
      throw new ApiError('TOO_MANY_STREAMS', message, { headers: { 'retry-after': '10' } })
    }
    const stream: EventStream = new EventStream({
      clock,
      filter,
      onEnd: () => {
        this.#streams.delete(stream)
        this.#adapt()
      },
    })
    // A number that is greater than ours is that of another process.
    const from = lastId > this.#lastId ? 0 : lastId
    stream.replay(this.#kept.filter(({ id = 0 }) => id > from))
    this.#streams.set(stream, wantsCalls)
    this.#adapt()
    return stream
  }

  close(): void {
    for (const stream of Array.from(this.#streams.keys())) stream.end()
    this.#unsubscribe()
    this.#kept.length = 0
  }

  /** Subscribes to as much as the streams want. */
  #adapt(): void {
    const wantsEveryCall = Array.from(this.#streams.values()).some((wants) => wants)
    const most = this.#streams.size === 0 ? 'rare' : wantsEveryCall ? 'every-call' : 'wrong-call'
    if (most === this.#most) return
    this.#most = most
    this.#unsubscribe()
    this.#unsubscribe = this.#options.lb.subscribe(this.#receive, typesUpTo(most))
  }

  readonly #receive = (event: LoadBalancerEvent): void => {
    const { type, level } = event
    const isKept = isRare(type)
    const service = 'service' in event ? event.service : undefined
    const id = isKept ? ++this.#lastId : undefined
    const fields = { type, level, ...(service === undefined ? undefined : { service }) }
    const json = JSON.stringify({ ...Object(boundedJson(event)), ...fields })
    const entry = new EventEntry({ id, type, level, service }, json, this.#options.clock.now())
    if (isKept) this.#keep(entry)
    for (const stream of Array.from(this.#streams.keys())) stream.offer(entry)
    if (isKept) this.#options.onEvent(event)
  }

  #keep(entry: EventEntry): void {
    this.#kept.push(entry)
    if (this.#kept.length > maxKept) this.#kept.shift()
  }
}
