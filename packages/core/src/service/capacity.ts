import type { Clock } from '../base/clock.ts'
import { counted } from '../base/counted.ts'
import { OverloadedError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import type { ServiceSettings } from '../config/service-settings.ts'
import type { Outcome } from '../instance/outcome.ts'
import type { EventChannel } from '../observe/event-channel.ts'
import type { LoadBalancerEvent } from '../observe/events.ts'
import { type CriticalityRank, criticalities, defaultRank, rankOf } from '../overload/criticality.ts'
import { GradientLimit } from '../overload/gradient-limit.ts'
import { type WaitEntry, WaitQueue, type WaitTicket } from '../overload/wait-queue.ts'
import type { FailureMode } from '../retry/failure-kind.ts'
import type { InstanceRecord } from './record.ts'
import type { WaitingCall } from './waiting-call.ts'

export interface CapacityOptions {
  readonly service: string
  readonly settings: ServiceSettings
  readonly clock: Clock
  readonly random: Random
  readonly events: EventChannel
  readonly records: ReadonlyMap<string, InstanceRecord>
  /** Gets the calls that wait. */
  readonly waiting: Set<WaitingCall>
}

/** Why a call is refused. */
export type RefusedBecause = Extract<LoadBalancerEvent, { readonly type: 'call-refused' }>['because']

const criticalRank = rankOf('critical')
const sheddableRank = rankOf('sheddable')
const ranks = criticalities.map(rankOf)
/** An adaptive limit times this is what critical calls have. */
const criticalFactor = 2
/** Calls that have been waiting for so long without a break are no burst any more. */
const standingQueueMs = 100
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
  /** Of those, the ones whose answer has not begun. */
  awaiting = 0
  /** The limit of all instances together, if it is adaptive. */
  readonly limiter: GradientLimit | undefined
  /** Whether any limit is adaptive. */
  readonly isAdaptive: boolean
  readonly #limit: number
  #admitting = false

  constructor(options: CapacityOptions) {
    this.#options = options
    const { maxInFlight, maxInFlightPerInstance, queue } = options.settings
    this.isAdaptive = maxInFlight === 'adaptive' || maxInFlightPerInstance === 'adaptive'
    this.#limit = maxInFlight === 'adaptive' ? Number.POSITIVE_INFINITY : maxInFlight
    this.limiter = maxInFlight === 'adaptive' ? this.#newLimiter() : undefined
    this.limitsInstances = maxInFlightPerInstance !== Number.POSITIVE_INFINITY
    this.isLimited = this.limitsInstances || maxInFlight !== Number.POSITIVE_INFINITY
    const newestFirstAfterMs = this.limiter === undefined ? Number.POSITIVE_INFINITY : standingQueueMs
    this.#queue =
      this.isLimited && queue !== false
        ? new WaitQueue({ maxSize: queue.maxSize, newestFirstAfterMs, clock: options.clock })
        : undefined
  }

  /** Calls that wait. */
  get queued(): number {
    return this.#queue?.size ?? 0
  }

  /** Requests that may be in flight now; `Infinity`: there is no limit. */
  get limit(): number {
    return this.limiter === undefined ? this.#limit : this.limiter.limit
  }

  /** Whether the service takes another request, without overtaking a waiting call. */
  get hasRoom(): boolean {
    const queue = this.#queue
    if (queue !== undefined && queue.size > 0 && !this.#admitting) return false
    return this.#counted < this.limit
  }

  /** `hasRoom` for a call of this class, which waits otherwise if there is a queue. */
  hasRoomFor(rank: CriticalityRank = defaultRank): boolean {
    const { limiter } = this
    if (limiter !== undefined) {
      if (rank === sheddableRank) limiter.sheddableAsked()
      if (!this.#admitting && this.#queue?.waits(rank) === true) return false
      return this.#counted < this.#adaptiveLimit(limiter, rank)
    }
    return this.#queue === undefined && rank === sheddableRank ? this.hasRoomAtOnce(rank) : this.hasRoom
  }

  /**
   * `hasRoom` for a call that cannot wait, of which there is no order: those that are sheddable leave a fifth of the limit to the others,
   * if it has more than one place.
   */
  hasRoomAtOnce(rank: CriticalityRank): boolean {
    if (rank < sheddableRank || this.limiter !== undefined) return this.hasRoomFor(rank)
    return this.hasRoom && this.#counted < Math.max(1, Math.floor(sheddableShare * this.limit))
  }

  /** An adaptive limit is a guess, which critical calls need not pay for: it halves, should all be critical. Sheddable ones have a lower one. */
  #adaptiveLimit(limiter: GradientLimit, rank: CriticalityRank): number {
    if (rank === sheddableRank) return limiter.limitOfSheddable
    return rank === criticalRank ? criticalFactor * limiter.limit : limiter.limit
  }

  /** What is held against the limit: an open stream is no load that latency shows. */
  get #counted(): number {
    return this.limiter === undefined ? this.inFlight : this.awaiting
  }

  /** An answer of `record` came, or none came for `latencyMs`: what adaptive limits learn of it. Before it is no longer awaited. */
  learn(
    record: InstanceRecord,
    { ok, statusCode, latencyMs, cancelled }: Outcome,
    failure: FailureMode | undefined,
  ): void {
    const { limiter } = this
    if (cancelled === true) return
    if (statusCode === 429 || statusCode === 503) {
      limiter?.refused(this.awaiting)
      record.limiter?.refused(record.answers.awaiting)
    } else if (ok || statusCode !== undefined || failure === 'connect') {
      limiter?.answered(latencyMs, this.awaiting)
      record.limiter?.answered(latencyMs, record.answers.awaiting)
    }
  }

  isFull(id: string): boolean {
    const record = this.limitsInstances ? this.#options.records.get(id) : undefined
    return record !== undefined && this.#isFull(record)
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
      // The one that was let in counts by now.
      while (queue.size > 0 && this.#hasFreeInstance() && this.#admitNext(queue));
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
    if (this.#counted >= this.limit) return undefined
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
    const deadlineMs = Math.min(scope.deadlineMs, clock.now() + maxWaitMs)
    let ticket: WaitTicket | undefined
    return scope.run<T>(
      (resolve, reject) => {
        const entry = {
          rank: scope.rank,
          deadlineMs,
          ...(mayEnter === undefined ? undefined : { mayEnter }),
          ...this.#tooLate(scope),
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
            const because = clock.now() < deadlineMs ? 'too-late' : 'queue-timeout'
            // At its own deadline the call ends by itself, and says so.
            if (clock.now() < scope.deadlineMs) reject(this.refused(because, scope.call))
          },
          shed: (): void => reject(this.refused('shed', scope.call)),
        }
        ticket = queue?.enqueue(entry)
        if (ticket === undefined) reject(this.refused('queue-full', scope.call))
      },
      () => ticket?.leave(),
    )
  }

  #admitNext(queue: WaitQueue): boolean {
    const { limiter } = this
    if (limiter === undefined) return this.hasRoom && queue.admitNext()
    // Where there is room for a class, there is for those above it.
    const lowest = ranks.findLast((rank) => this.#counted < this.#adaptiveLimit(limiter, rank))
    return lowest !== undefined && queue.admitNext(lowest)
  }

  /** Under overload, sending what cannot be answered in time takes the place of a call that can. */
  #tooLate({ rank, deadlineMs }: WaitingCall): Pick<WaitEntry, 'isTooLate'> | undefined {
    const { limiter } = this
    if (limiter === undefined || rank === criticalRank || deadlineMs === Number.POSITIVE_INFINITY) return undefined
    return { isTooLate: () => deadlineMs - this.#options.clock.now() < limiter.usualMs }
  }

  #newLimiter(): GradientLimit {
    const { settings, clock, random } = this.#options
    return new GradientLimit(settings.adaptiveLimit, clock, random)
  }

  #isFull(record: InstanceRecord): boolean {
    const { maxInFlightPerInstance } = this.#options.settings
    if (maxInFlightPerInstance !== 'adaptive') return record.inFlight >= maxInFlightPerInstance
    record.limiter ??= this.#newLimiter()
    return record.answers.awaiting >= record.limiter.limit
  }

  // Without any candidate no call waits for room: each fails with that reason.
  #hasFreeInstance(): boolean {
    if (!this.limitsInstances) return true
    let candidates = 0
    for (const record of this.#options.records.values()) {
      if (!record.isCandidate) continue
      if (!this.#isFull(record)) return true
      candidates++
    }
    return candidates === 0
  }

  #atLimits(because: Exclude<RefusedBecause, 'throttled'>): string {
    const { maxInFlight, maxInFlightPerInstance, queue } = this.#options.settings
    const limits = Object.entries({ maxInFlight, maxInFlightPerInstance })
      .filter(([, limit]) => limit !== Number.POSITIVE_INFINITY)
      .map(
        ([name, limit]) =>
          `${name} ${limit === 'adaptive' && name === 'maxInFlight' ? `adaptive, ${this.limit} now` : limit}`,
      )
    const reasons = {
      'queue-full':
        queue === false ? 'and queue is false' : `${counted(this.queued, 'call')} waiting already (queue.maxSize)`,
      'queue-timeout': `none of them ended within ${queue === false ? 0 : queue.maxWaitMs} ms (queue.maxWaitMs)`,
      'too-late': 'by now, no response can be expected before its deadline',
      shed: 'the queue is full (queue.maxSize), and a more critical call took its place',
    }
    return `${counted(this.inFlight, 'request')} in flight (${limits.join(', ')}), ${reasons[because]}`
  }
}
