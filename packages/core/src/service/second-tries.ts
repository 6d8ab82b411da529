import type { Clock } from '../base/clock.ts'
import type { AnswerWatch } from '../health/outliers/answer-watch.ts'
import type { Looks } from '../health/outliers/looks.ts'
import { RetryBudget } from '../retry/retry-budget.ts'
import type { MovableAttempt, MovableAttempts } from './movable-attempts.ts'
import type { AnswerCount, InstanceRecord } from './record.ts'
import type { Roster } from './roster.ts'

export interface SecondTriesOptions {
  readonly clock: Clock
  readonly looks: Looks
  readonly movable: MovableAttempts
  readonly roster: Pick<Roster, 'recordOf'>
  readonly watch: AnswerWatch<AnswerCount>
  /** Second tries that must show the silence of an instance. */
  readonly minimumTries: number
  /** `record` answers nothing for at least `forMs` while others answer the same requests; emitted again while that lasts. */
  readonly onSilent: (record: InstanceRecord, forMs: number) => void
}

/** An attempt that a second try outran. */
interface Outrun {
  readonly attempt: MovableAttempt
  readonly atMs: number
}

/** Part of the requests that may be tried a second time in vain. */
const vainRatio = 0.1
/** Second tries in vain each second besides, so that a service with few requests can have any. */
const vainPerSecond = 1
/** Soon over, so that a request that falls silent later has not to wait long for its turn. */
const vainWindowMs = 1_000
/** After so many while no instance answered anything, second tries are seldom: the whole service is slow, or silent. */
const triesWithoutAnswer = 6
const hopelessMs = 5_000
/** An answer that was on its way when the second try was faster still counts. */
const graceMs = 50
/** Answers after which half of what was learnt of second tries that were faster is forgotten. */
const memory = 1_000
/** How likely it may be, at most, that as many slow answers in a row are taken for silence. */
const doubt = 1e-6
/** Beyond it answers are slow by nature, not by chance: of some route, which its second tries show. */
const largestShare = 0.2

/**
 * Second tries of requests whose instance says nothing: *beside* the first, so that an answer that is merely slow still
 * counts, and the first answer wins. One that wins shows more than any comparison of counters: the same request waited in
 * vain at one instance and was answered by another. When that happened a few times in a row, and the instance answered nothing
 * in between, it is silent.
 *
 * A request is tried again when it waited longer than is usual and its instance answered nothing at all meanwhile. There may be
 * few at a time for each instance before one has won, and those that win nothing are bounded by a share of the requests: where
 * answers take long by nature (reports, long polls) second tries do not double the load. The youngest go first, as those that
 * have waited for long already are more likely slow by nature. Each is paid for out of the retry budget.
 */
export class SecondTries {
  readonly #options: SecondTriesOptions
  readonly #budget: RetryBudget
  readonly #outrun: Outrun[] = []
  #addedBefore = 0
  #answersBefore = 0
  #slowBefore = 0
  /** Answers lately, and how many of them were slow or outrun by a second try. */
  #answers = 0
  #slow = 0
  /** Second tries since the last answer of any instance, and the look of the last one. */
  #inVain = 0
  #triedAtLook = 0

  constructor(options: SecondTriesOptions) {
    this.#options = options
    const { clock, looks } = options
    this.#budget = new RetryBudget({ ratio: vainRatio, minPerSecond: vainPerSecond, windowMs: vainWindowMs, clock })
    looks.add(() => this.#look())
  }

  /**
   * A second try beside `attempt` was answered first. Says whether it takes `attempt` over, which is then cancelled soon; not one that
   * may not be repeated.
   */
  faster(attempt: MovableAttempt): boolean {
    const { clock, looks, movable } = this.#options
    if (!movable.has(attempt)) return false
    this.#outrun.push({ attempt, atMs: clock.now() })
    looks.start()
    return true
  }

  close(): void {
    for (const { attempt } of this.#outrun.splice(0)) cancel(attempt)
  }

  #look(): boolean {
    this.#learn()
    const { movable, onSilent } = this.#options
    const outrun = this.#takeOutrun()
    for (const attempt of outrun) this.#blame(attempt)
    const silent = new Set<InstanceRecord>()
    const overdue = this.#overdue()
    for (const attempt of [...outrun, ...overdue]) {
      const record = this.#record(attempt)
      if (record !== undefined && this.#isSilent(record)) silent.add(record)
    }
    for (const record of silent) onSilent(record, this.#silenceMs(record))
    // Only now: the end of one that tries an instance after its ejection is its verdict.
    for (const attempt of outrun) cancel(attempt)
    this.#tryAgain(overdue.filter((attempt) => movable.has(attempt) && attempt.canMove))
    return movable.size > 0
  }

  #learn(): void {
    const { movable, watch } = this.#options
    this.#budget.deposit(movable.added - this.#addedBefore)
    this.#addedBefore = movable.added
    // What comes back with time does so whether or not anything is answered.
    this.#budget.successes++
    if (watch.answers > this.#answersBefore) this.#inVain = 0
    this.#answers += watch.answers - this.#answersBefore
    this.#slow += watch.slowAnswers - this.#slowBefore
    this.#answersBefore = watch.answers
    this.#slowBefore = watch.slowAnswers
    if (this.#answers < memory) return
    this.#answers /= 2
    this.#slow /= 2
  }

  /** Those that were outrun a while ago and still have no answer. */
  #takeOutrun(): MovableAttempt[] {
    const { clock, movable } = this.#options
    const latestMs = clock.now() - graceMs
    // In the order of time.
    const recent = this.#outrun.findIndex(({ atMs }) => atMs > latestMs)
    const taken = this.#outrun.splice(0, recent === -1 ? this.#outrun.length : recent)
    return taken.map(({ attempt }) => attempt).filter((attempt) => movable.has(attempt))
  }

  #blame(attempt: MovableAttempt): void {
    const record = this.#record(attempt)
    if (record === undefined || !this.#saysNothing(record, attempt)) return
    record.answers.outrun++
    // What helped was not in vain.
    this.#budget.deposit(1 / vainRatio)
    this.#slow++
  }

  #tryAgain(overdue: readonly MovableAttempt[]): void {
    if (overdue.length === 0) return
    const { movable } = this.#options
    const open = this.#openTries()
    for (const attempt of overdue.toSorted(byPromise)) {
      const record = this.#record(attempt)
      const { id } = attempt.instance
      const tries = open.get(id) ?? 0
      if (record === undefined || tries >= this.#options.minimumTries) continue
      const suspect = isSuspect(record)
      if (!suspect && !this.#mayTry) continue
      if (!attempt.trySecond(movable.noAnswer(id, this.#silenceMs(record)))) continue
      open.set(id, tries + 1)
      if (!suspect) this.#tried()
    }
  }

  get #mayTry(): boolean {
    const { looks } = this.#options
    const isHopeful = this.#inVain < triesWithoutAnswer || looks.count - this.#triedAtLook >= looks.within(hopelessMs)
    return isHopeful && this.#budget.balance >= 1
  }

  #tried(): void {
    this.#inVain++
    this.#triedAtLook = this.#options.looks.count
    this.#budget.tryWithdraw()
  }

  /** Second tries that may still win, by the instance of the first. */
  #openTries(): Map<string, number> {
    const open = new Map<string, number>()
    const { movable } = this.#options
    for (const { besideId } of movable.filter((attempt) => !this.#waitedLong(attempt))) {
      if (besideId !== undefined) open.set(besideId, (open.get(besideId) ?? 0) + 1)
    }
    return open
  }

  /** Attempts that waited longer than usual, while their instance said nothing. */
  #overdue(): MovableAttempt[] {
    return this.#options.movable.filter((attempt) => {
      if (!this.#waitedLong(attempt) || !attempt.canMove) return false
      const record = this.#record(attempt)
      return record !== undefined && this.#saysNothing(record, attempt)
    })
  }

  #waitedLong(attempt: MovableAttempt): boolean {
    const { looks, watch } = this.#options
    const { secondTryAfterMs, besideId, halfTimeMs } = attempt
    const patienceMs = Math.min(watch.patienceMs, Math.max(halfTimeMs, watch.usualMs))
    if (this.#age(attempt) < looks.within(patienceMs)) return false
    const record = this.#record(attempt)
    const needsNoOtherReason =
      record !== undefined && isSuspect(record) && secondTryAfterMs !== Number.POSITIVE_INFINITY
    const isOff = secondTryAfterMs === Number.POSITIVE_INFINITY
    const wantedMs = isOff ? secondTryAfterMs : Math.min(secondTryAfterMs, halfTimeMs)
    const limitMs = needsNoOtherReason ? patienceMs : Math.max(wantedMs, patienceMs)
    // A second try that waits as well says that the request takes long by nature, rather than that its instance is silent too.
    return this.#age(attempt) >= looks.within(besideId === undefined ? limitMs : 2 * limitMs)
  }

  /**
   * Whether `record` answered nothing since `attempt` began, or hardly later: what it was just about to answer when it
   * fell silent may have been older. One that something else speaks against need only be silent now.
   */
  #saysNothing(record: InstanceRecord, attempt: MovableAttempt): boolean {
    const { looks, watch } = this.#options
    const tolerance = Math.ceil(watch.patienceMs / 2 / looks.intervalMs)
    const age = this.#age(attempt)
    const span = isSuspect(record) ? Math.min(age, looks.within(watch.patienceMs)) : age
    return record.answers.silentLooks >= span - tolerance
  }

  #age({ startedAtLook }: MovableAttempt): number {
    return this.#options.looks.count - startedAtLook
  }

  /** As many second tries in a row were faster as chance does not explain: where single answers are slow, it takes more. */
  #isSilent({ answers: { outrun, probed } }: InstanceRecord): boolean {
    if (outrun === 0 || probed) return outrun > 0
    const share = Math.min(largestShare, Math.max(0, this.#slow - outrun) / Math.max(1, this.#answers))
    const enough = share === 0 ? 0 : Math.log(doubt) / Math.log(share)
    return outrun >= Math.max(this.#options.minimumTries, Math.ceil(enough))
  }

  #silenceMs({ answers: { silentLooks } }: InstanceRecord): number {
    return Math.max(1, silentLooks) * this.#options.looks.intervalMs
  }

  #record({ instance }: MovableAttempt): InstanceRecord | undefined {
    return this.#options.roster.recordOf(instance)
  }
}

/** First attempts before those that are second tries already, and the youngest first. */
function byPromise(a: MovableAttempt, b: MovableAttempt): number {
  const tries = Number(a.besideId !== undefined) - Number(b.besideId !== undefined)
  return tries === 0 ? b.startedAtLook - a.startedAtLook : tries
}

/** What checks, the registry or earlier failures say against an instance is reason enough. */
function isSuspect({ problem, state }: InstanceRecord): boolean {
  return problem !== undefined || state === 'draining'
}

function cancel(attempt: MovableAttempt): void {
  attempt.cancel(new DOMException('another attempt was faster', 'AbortError'))
}
