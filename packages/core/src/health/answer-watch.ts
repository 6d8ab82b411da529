import type { CancelTimer, Clock } from '../clock.ts'
import { checkDurationMs, checkInteger, checkKeys } from '../options.ts'

/** When an instance that says nothing counts as dead although its connections stand. */
export interface NoAnswerOptions {
  /** How long it must have answered nothing while others did, in milliseconds. Default 500. */
  readonly afterMs?: number
  /** How many requests must be waiting for it. Default 3. */
  readonly minimumRequests?: number
}

/** @throws InvalidOptionError */
export function checkNoAnswerOptions(path: string, options: NoAnswerOptions | false): void {
  if (options === false) return
  checkKeys(path, options, ['afterMs', 'minimumRequests'])
  checkDurationMs(`${path}.afterMs`, options.afterMs, { min: 10 })
  checkInteger(`${path}.minimumRequests`, options.minimumRequests, 1, 1_000_000)
}

/** What is looked at, and kept, about one instance. */
export interface Watched {
  /**
   * Requests in flight that started after its last answer. Those that are older say nothing: an open stream, or what was
   * lost in a failure that is over.
   */
  readonly waiting: number
  /** Whether the one request that tries it after its ejection is among them: then that alone is enough. */
  readonly probed: boolean
  /** Answers it ever gave. */
  readonly answers: number
  /** `answers` at the last look. */
  answersBefore: number
  /** Looks in a row at which requests waited for it and it had answered none since the look before. */
  silentLooks: number
  /** Answers of all instances together when its silence began. */
  othersBefore: number
}

export interface AnswerWatchOptions<T extends Watched> extends NoAnswerOptions {
  readonly clock: Clock
  /** `instance` is silent for at least `forMs`; told again at every look while that lasts. */
  readonly onSilent: (instance: T, forMs: number) => void
}

const looksPerLimit = 4

/**
 * Finds instances that take requests and answer nothing, as a stopped process or a dropped route does: no error ever
 * comes, so nothing else notices before the callers' deadlines.
 *
 * An instance is silent when `minimumRequests` wait for it and it answered nothing for `afterMs`, or for as long as
 * this service's answers may usually take if that is longer (mean + 4 deviations, as TCP computes its timeout, RFC 6298),
 * while the other instances gave at least as many answers; for the request that tries it after an ejection, one is enough.
 * It looks at counters a few times in that span: a request costs hardly more, and a pause of this very process is one
 * look, not a silence. While nowhere enough requests wait there is no timer.
 */
export class AnswerWatch<T extends Watched> {
  readonly #options: AnswerWatchOptions<T>
  readonly #minimumRequests: number
  readonly #afterMs: number
  readonly #lookMs: number
  #meanMs = 0
  #deviationMs = 0
  #answers = 0
  /** For which enough requests wait, or did at the last look: of many instances, few at a time. */
  readonly #busy = new Set<T>()
  #cancelTimer: CancelTimer | undefined

  constructor(options: AnswerWatchOptions<T>) {
    this.#options = options
    this.#afterMs = options.afterMs ?? 500
    this.#minimumRequests = options.minimumRequests ?? 3
    this.#lookMs = this.#afterMs / looksPerLimit
  }

  /** A request to `instance` started, and counts as waiting. */
  started(instance: T): void {
    if (!this.#isWaitedFor(instance) || this.#busy.has(instance)) return
    instance.answersBefore = instance.answers
    instance.silentLooks = 0
    this.#busy.add(instance)
    if (this.#cancelTimer === undefined) this.#schedule()
  }

  /** An answer took `latencyMs`. */
  answered(latencyMs: number): void {
    this.#answers++
    const error = Math.abs(latencyMs - this.#meanMs)
    if (this.#answers === 1) {
      this.#meanMs = latencyMs
      this.#deviationMs = latencyMs / 2
      return
    }
    this.#deviationMs += (error - this.#deviationMs) / 4
    this.#meanMs += (latencyMs - this.#meanMs) / 8
  }

  /** How long a silence must last now, in milliseconds. */
  get limitMs(): number {
    return Math.max(this.#afterMs, this.#meanMs + 4 * this.#deviationMs)
  }

  close(): void {
    this.#busy.clear()
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  #schedule(): void {
    this.#cancelTimer = this.#options.clock.setTimeout(() => this.#look(), this.#lookMs, { background: true })
  }

  #look(): void {
    this.#cancelTimer = undefined
    const { onSilent } = this.#options
    // At the first silent look the requests may have only just started.
    const looks = Math.ceil(this.limitMs / this.#lookMs) + 1
    const silent: T[] = []
    for (const instance of this.#busy) {
      if (!this.#isWaitedFor(instance)) this.#busy.delete(instance)
      else if (this.#isSilent(instance) && instance.silentLooks >= looks) silent.push(instance)
    }
    if (this.#busy.size > 0) this.#schedule()
    for (const instance of silent) {
      if (this.#answers - instance.othersBefore < this.#minimumRequests) continue
      onSilent(instance, (instance.silentLooks - 1) * this.#lookMs)
    }
  }

  #isWaitedFor({ waiting, probed }: T): boolean {
    return waiting >= (probed ? 1 : this.#minimumRequests)
  }

  /** Counts the look; says whether the instance was silent since the one before. */
  #isSilent(instance: T): boolean {
    const silent = instance.answers === instance.answersBefore
    instance.answersBefore = instance.answers
    if (!silent) instance.silentLooks = 0
    else if (instance.silentLooks++ === 0) instance.othersBefore = this.#answers
    return silent
  }
}
