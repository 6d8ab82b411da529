import { durationOption, integerOption, type OptionTable, withDefaults } from '../../base/option-table.ts'
import type { Looks } from './looks.ts'

/** When an instance counts as silent although its connections are open. */
export interface NoAnswerOptions {
  /** How long it must have sent no response while others did, in milliseconds, ≥ 10. @default 500 */
  readonly afterMs?: number | undefined
  /** How many requests must have waited for it in vain, from 1 to 1 000 000. @default 3 */
  readonly minimumRequests?: number | undefined
}

/** What may be said of silent instances. */
export const noAnswerTable: OptionTable<NoAnswerOptions> = {
  afterMs: durationOption({ min: 10, default: 500 }),
  minimumRequests: integerOption({ min: 1, max: 1_000_000, default: 3 }),
}

const looksPerLimit = 4
/** Where answers take long, so seldom is enough. */
const looksPerPatience = 8

/** Milliseconds between two looks at an instance that may be silent for `afterMs`. */
export function lookIntervalMs(options: NoAnswerOptions): number {
  return withDefaults(options, noAnswerTable).afterMs / looksPerLimit
}

/** What is looked at, and kept, about one instance. */
export interface Watched {
  /** Requests in flight without an answer. */
  readonly awaiting: number
  /**
   * Requests in flight that started after its last answer. Those that are older say nothing: an open stream, or what was
   * lost in a failure that is over.
   */
  readonly waiting: number
  /** Those of `waiting` that can be tried elsewhere, as of this look: that says more than any comparison. */
  readonly movable: number
  /** Whether the one request that tries it after its ejection is among them: then that alone is enough. */
  readonly probed: boolean
  /** Answers it ever gave. */
  readonly answers: number
  /** Whether requests waited for it at the last look. */
  watched: boolean
  /** `answers` at the last look. */
  answersBefore: number
  /** Looks in a row at which requests waited for it and it had answered none since the look before. */
  silentLooks: number
  /** Those of them at which so many waited that a comparison with the others means something. */
  crowdedLooks: number
  /** Answers of all instances together when `crowdedLooks` began. */
  othersBefore: number
}

export interface AnswerWatchOptions<T extends Watched> extends NoAnswerOptions {
  readonly looks: Looks
  /** Requests without an answer that wait for other instances than this one. */
  readonly waitingElsewhere: (instance: T) => number
  /** No request waits for `instance` any more. */
  readonly onIdle?: (instance: T) => void
  /** `instance` is silent for at least `forMs`; emitted again at every look while that lasts. */
  readonly onSilent: (instance: T, forMs: number) => void
}

/** How likely it may be, at most, that an instance which answers like the others is taken for silent. */
const doubt = 1e-3

/** The steps of the quicker quarter: three answers below it balance one above. */
const quickerStep = 1.1
const slowerStep = quickerStep ** -3

/**
 * Finds instances that take requests and answer nothing, as a stopped process or a dropped route does: no error ever
 * comes, so nothing else notices before the callers' deadlines.
 *
 * It keeps for each instance how long requests have waited without any answer of it. Requests that can be tried elsewhere
 * are: their second try shows whether the instance is silent (see `SecondTries`). For the others it compares: an instance is
 * silent when `minimumRequests` waited for it and it answered nothing for `afterMs`, or for as long as this service's answers
 * may usually take if that is longer (mean + 4 deviations, as TCP computes its timeout, RFC 6298), while so many requests
 * were answered elsewhere, and so few wait there, that chance does not explain it.
 */
export class AnswerWatch<T extends Watched> {
  readonly #options: AnswerWatchOptions<T>
  readonly #minimumRequests: number
  readonly #afterMs: number
  #meanMs = 0
  #deviationMs = 0
  #quickerMs = 0
  #answers = 0
  #slowAnswers = 0
  /** For which requests wait, or did at the last look. */
  readonly #busy = new Set<T>()

  constructor(options: AnswerWatchOptions<T>) {
    const { afterMs, minimumRequests } = withDefaults(options, noAnswerTable)
    this.#options = options
    this.#afterMs = afterMs
    this.#minimumRequests = minimumRequests
    options.looks.add(() => this.#look())
  }

  /** A request to `instance` started. */
  started(instance: T): void {
    if (instance.watched) return
    instance.watched = true
    instance.answersBefore = instance.answers
    instance.silentLooks = 0
    instance.crowdedLooks = 0
    this.#busy.add(instance)
    this.#options.looks.start()
  }

  /** An answer took `latencyMs`. */
  answered(latencyMs: number): void {
    this.#answers++
    if (this.#answers === 1) {
      this.#meanMs = latencyMs
      this.#deviationMs = latencyMs / 2
      this.#quickerMs = latencyMs
      return
    }
    if (latencyMs > this.#afterMs && latencyMs > 2 * this.#quickerMs) this.#slowAnswers++
    const error = Math.abs(latencyMs - this.#meanMs)
    this.#deviationMs += (error - this.#deviationMs) / 4
    this.#meanMs += (latencyMs - this.#meanMs) / 8
    this.#quickerMs = Math.max(1, this.#quickerMs * (latencyMs > this.#quickerMs ? quickerStep : slowerStep))
  }

  /** Answers of all instances. */
  get answers(): number {
    return this.#answers
  }

  /** Those of them that took so long that a second try could have been made meanwhile. */
  get slowAnswers(): number {
    return this.#slowAnswers
  }

  /** How long a silence must last now, in milliseconds. */
  get limitMs(): number {
    return Math.max(this.#afterMs, this.usualMs)
  }

  /** How long answers usually take at most, in milliseconds. Before the first one, as long as a silence must last. */
  get usualMs(): number {
    return this.#answers === 0 ? this.#afterMs : this.#meanMs + 4 * this.#deviationMs
  }

  /**
   * How long a request waits before it is unusual, in milliseconds: like `limitMs`, but the slow answers of some routes
   * do not make the quick requests of others wait. Not more than twice what the quicker quarter of the answers takes.
   */
  get patienceMs(): number {
    return Math.min(this.limitMs, Math.max(this.#afterMs, 2 * this.#quickerMs))
  }

  close(): void {
    this.#busy.clear()
  }

  #look(): boolean {
    const { looks, onSilent } = this.#options
    looks.step = Math.max(1, Math.floor(this.patienceMs / looksPerPatience / looks.intervalMs))
    // At the first silent look the requests may have only just started.
    const enough = looks.within(this.limitMs)
    const silent: T[] = []
    for (const instance of this.#busy) {
      if (instance.awaiting === 0) this.#forget(instance)
      else {
        this.#count(instance)
        if (instance.crowdedLooks >= enough) silent.push(instance)
      }
    }
    for (const instance of silent) {
      if (this.#isOutlier(instance)) onSilent(instance, (instance.crowdedLooks - 1) * looks.intervalMs)
    }
    return this.#busy.size > 0
  }

  #forget(instance: T): void {
    instance.watched = false
    instance.silentLooks = 0
    this.#busy.delete(instance)
    this.#options.onIdle?.(instance)
  }

  #count(instance: T): void {
    const silent = instance.answers === instance.answersBefore
    instance.answersBefore = instance.answers
    const { passed } = this.#options.looks
    instance.silentLooks = silent ? instance.silentLooks + passed : 0
    const { waiting, movable, probed } = instance
    const crowded = silent && waiting - movable >= (probed ? 1 : this.#minimumRequests)
    if (!crowded) instance.crowdedLooks = 0
    else {
      if (instance.crowdedLooks === 0) instance.othersBefore = this.#answers
      instance.crowdedLooks += passed
    }
  }

  /** Whether the requests that wait for `instance` would hardly all wait if it answered as the others do. */
  #isOutlier(instance: T): boolean {
    const answered = this.#answers - instance.othersBefore
    if (answered < this.#minimumRequests) return false
    if (instance.probed) return true
    const waiting = this.#options.waitingElsewhere(instance)
    return (
      ((waiting + 1) / (waiting + answered + 2)) **
        Math.max(noAnswerTable.minimumRequests.default, this.#minimumRequests) <=
      doubt
    )
  }
}
