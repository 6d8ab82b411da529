import type { Clock } from '../base/clock.ts'
import { OverloadedError } from '../base/errors.ts'
import type { ServiceSettings } from '../config/service-settings.ts'
import type { EventChannel } from '../observe/event-channel.ts'
import { type CriticalityRank, defaultRank, rankOf } from '../overload/criticality.ts'
import { WaitQueue, type WaitTicket } from '../overload/wait-queue.ts'
import type { InstanceRecord } from './record.ts'
import type { WaitingCall } from './waiting-call.ts'

export interface CapacityOptions {
  readonly service: string
  readonly settings: ServiceSettings
  readonly clock: Clock
  readonly events: EventChannel
  readonly records: ReadonlyMap<string, InstanceRecord>
  /** Gets the calls that wait. */
  readonly waiting: Set<WaitingCall>
}

/** Why a call is refused. */
export type RefusedBecause = 'queue-full' | 'queue-timeout' | 'shed' | 'throttled'

const sheddableRank = rankOf('sheddable')
/** The part of a limit that calls without a queue may use if they are sheddable. */
const sheddableShare = 0.8

/** The limits of requests in flight of one service, and the queue of the calls that wait below them. */
export class Capacity {
  /** Requests in flight, those on draining instances included. */
  inFlight = 0
  /** Whether there is any limit. */
  readonly isLimited: boolean
  /** Whether one instance may be full. */
  readonly limitsInstances: boolean
  readonly #options: CapacityOptions
  readonly #queue: WaitQueue | undefined
  #admitting = false

  constructor(options: CapacityOptions) {
    this.#options = options
    const { maxInFlight, maxInFlightPerInstance, queue } = options.settings
    this.limitsInstances = maxInFlightPerInstance !== Number.POSITIVE_INFINITY
    this.isLimited = this.limitsInstances || maxInFlight !== Number.POSITIVE_INFINITY
    this.#queue =
      this.isLimited && queue !== false ? new WaitQueue({ maxSize: queue.maxSize, clock: options.clock }) : undefined
  }

  /** Calls that wait. */
  get queued(): number {
    return this.#queue?.size ?? 0
  }

  /** Whether the service takes another request, without overtaking a waiting call. */
  get hasRoom(): boolean {
    const queue = this.#queue
    if (queue !== undefined && queue.size > 0 && !this.#admitting) return false
    return this.inFlight < this.#options.settings.maxInFlight
  }

  /** `hasRoom` for a call of this class, which waits otherwise if there is a queue. */
  hasRoomFor(rank: CriticalityRank = defaultRank): boolean {
    return this.#queue === undefined ? this.hasRoomAtOnce(rank) : this.hasRoom
  }

  /**
   * `hasRoom` for a call that cannot wait, of which there is no order: those that are sheddable leave a fifth of the limit to the others,
   * if it has more than one place.
   */
  hasRoomAtOnce(rank: CriticalityRank): boolean {
    if (!this.hasRoom) return false
    if (rank < sheddableRank) return true
    const { maxInFlight } = this.#options.settings
    return this.inFlight < Math.max(1, Math.floor(sheddableShare * maxInFlight))
  }

  isFull(id: string): boolean {
    const { settings, records } = this.#options
    const limit = settings.maxInFlightPerInstance
    return limit !== Number.POSITIVE_INFINITY && (records.get(id)?.inFlight ?? 0) >= limit
  }

  /** Ids of the instances that take no further request. */
  fullInstances(): ReadonlySet<string> {
    const full = new Set<string>()
    for (const id of this.#options.records.keys()) if (this.isFull(id)) full.add(id)
    return full
  }

  /** Lets those that wait in as long as there is room. `picker` brings `isCandidate` of the records up to date. */
  admit(picker: { settle(): void }): void {
    const queue = this.#queue
    if (queue === undefined || queue.size === 0 || this.#admitting) return
    picker.settle()
    this.#admitting = true
    try {
      while (queue.size > 0 && this.hasRoom && this.#hasFreeInstance() && queue.admitNext()) {
        // The one that was let in counts by now.
      }
    } finally {
      this.#admitting = false
    }
  }

  /**
   * Waits for room, at most `queue.maxWaitMs` and until the call's deadline; `take` is called when there is some. `mayEnter`: whether
   * it is of use to the call; until then, calls behind it may enter. Absent: always.
   *
   * @throws OverloadedError when the queue is full, or the wait was in vain
   */
  async waitForRoom<T>(scope: WaitingCall, take: () => T | undefined, mayEnter?: () => boolean): Promise<T> {
    const { waiting } = this.#options
    const passed = mayEnter === undefined ? undefined : this.#pass(take, mayEnter)
    if (passed !== undefined) return passed
    waiting.add(scope)
    try {
      return await this.#wait(scope, take, mayEnter)
    } finally {
      waiting.delete(scope)
    }
  }

  close(): void {
    this.#queue?.close()
  }

  /** The error of a call that is not let in, after its event. */
  refused(because: RefusedBecause, call: number): OverloadedError {
    const { service, events } = this.#options
    if (events.active) events.emit({ type: 'call-refused', service, call, because })
    const why = because === 'throttled' ? 'as the service refuses most requests (throttle)' : this.#atLimits(because)
    return new OverloadedError(`${service}: overloaded, refused before it was sent: ${why}`, { service })
  }

  /** Takes for a call for which there is room, although others wait: all of them for instances that have none. */
  #pass<T>(take: () => T | undefined, mayEnter: () => boolean): T | undefined {
    // First, so that a match that is none is refused here, and not when its turn comes.
    if (!mayEnter() || this.queued === 0 || this.#admitting) return undefined
    if (this.inFlight >= this.#options.settings.maxInFlight) return undefined
    this.#admitting = true
    try {
      return take()
    } finally {
      this.#admitting = false
    }
  }

  #wait<T>(scope: WaitingCall, take: () => T | undefined, mayEnter: (() => boolean) | undefined): Promise<T> {
    const queue = this.#queue
    const { clock, settings } = this.#options
    const maxWaitMs = settings.queue === false ? 0 : settings.queue.maxWaitMs
    let ticket: WaitTicket | undefined
    return scope.run<T>(
      (resolve, reject) => {
        const entry = {
          rank: scope.rank,
          deadlineMs: Math.min(scope.deadlineMs, clock.now() + maxWaitMs),
          ...(mayEnter === undefined ? undefined : { mayEnter }),
          admit: (): void => {
            try {
              const taken = take()
              if (taken === undefined) reject(this.refused('queue-full', scope.call))
              else resolve(taken)
            } catch (error) {
              reject(error)
            }
          },
          expire: (): void => {
            // At its own deadline the call ends by itself, and says so.
            if (clock.now() < scope.deadlineMs) reject(this.refused('queue-timeout', scope.call))
          },
          shed: (): void => reject(this.refused('shed', scope.call)),
        }
        ticket = queue?.enqueue(entry)
        if (ticket === undefined) reject(this.refused('queue-full', scope.call))
      },
      () => ticket?.leave(),
    )
  }

  // Without any candidate no call waits for room: each fails with that reason.
  #hasFreeInstance(): boolean {
    const { settings, records } = this.#options
    const limit = settings.maxInFlightPerInstance
    if (limit === Number.POSITIVE_INFINITY) return true
    let candidates = 0
    for (const { isCandidate, inFlight } of records.values()) {
      if (!isCandidate) continue
      if (inFlight < limit) return true
      candidates++
    }
    return candidates === 0
  }

  #atLimits(because: Exclude<RefusedBecause, 'throttled'>): string {
    const { maxInFlight, maxInFlightPerInstance, queue } = this.#options.settings
    const limits = Object.entries({ maxInFlight, maxInFlightPerInstance })
      .filter(([, limit]) => limit !== Number.POSITIVE_INFINITY)
      .map(([name, limit]) => `${name} ${limit}`)
    const reasons = {
      'queue-full': queue === false ? 'and queue is false' : `${this.queued} calls wait already (queue.maxSize)`,
      'queue-timeout': `none of them ended within ${queue === false ? 0 : queue.maxWaitMs} ms (queue.maxWaitMs)`,
      shed: 'the queue is full (queue.maxSize), and a more critical call took its place',
    }
    return `${this.inFlight} requests in flight (${limits.join(', ')}), ${reasons[because]}`
  }
}
