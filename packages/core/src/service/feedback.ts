import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import type { InstancesDiff } from '../cache/diff-instances.ts'
import type { ServiceSettings } from '../config/service-settings.ts'
import { AnswerWatch, defaultNoAnswer, type NoAnswerOptions } from '../health/outliers/answer-watch.ts'
import type { Ejection } from '../health/outliers/ejection.ts'
import type { Looks } from '../health/outliers/looks.ts'
import type { Outcome } from '../instance/outcome.ts'
import { LearnedWeights } from '../load-report/learned-weights.ts'
import { ClientThrottle } from '../overload/client-throttle.ts'
import { LatencyQuantile } from '../overload/latency-quantile.ts'
import type { FailureMode } from '../retry/failure-kind.ts'
import type { RetryBudget } from '../retry/retry-budget.ts'
import type { MovableAttempts } from './movable-attempts.ts'
import type { InstanceRecord } from './record.ts'
import type { Roster } from './roster.ts'
import { SecondTries } from './second-tries.ts'

export interface OutcomeFeedbackOptions {
  readonly settings: ServiceSettings
  readonly clock: Clock
  readonly random: Random
  readonly roster: Roster
  readonly looks: Looks
  readonly movable: MovableAttempts
  readonly budget: RetryBudget | undefined
}

/** What the outcomes of requests teach: about each instance, about the service, and about how long answers take. */
export class OutcomeFeedback {
  readonly throttle: ClientThrottle | undefined
  /** How long first attempts of calls take that may be hedged; kept only when that says how long to wait. */
  readonly latencies: LatencyQuantile | undefined
  readonly learnedWeights: LearnedWeights | undefined
  readonly #roster: Roster
  readonly secondTries: SecondTries
  readonly #answerWatch: AnswerWatch<InstanceRecord>

  constructor({ settings, clock, random, roster, looks, movable, budget }: OutcomeFeedbackOptions) {
    this.#roster = roster
    this.throttle = settings.throttle && new ClientThrottle({ ...settings.throttle, clock, random })
    const { hedge } = settings
    this.latencies = hedge !== undefined && hedge.delayMs === undefined ? new LatencyQuantile({ clock }) : undefined
    this.learnedWeights = settings.loadReports && new LearnedWeights({ ...settings.loadReports, clock })
    const { minimumRequests = defaultNoAnswer.minimumRequests } = noAnswerOptions(settings)
    const onSilent = (record: InstanceRecord, forMs: number): void => roster.silent(record, forMs)
    looks.add(() => {
      movable.count(roster, budget === undefined || budget.balance >= 1)
      return false
    })
    const watch = new AnswerWatch<InstanceRecord>({
      ...noAnswerOptions(settings),
      looks,
      onSilent,
      waitingElsewhere: (record) => roster.awaiting - record.awaiting,
    })
    this.#answerWatch = watch
    this.secondTries = new SecondTries({
      clock,
      looks,
      movable,
      roster,
      watch,
      onSilent,
      minimumTries: minimumRequests,
    })
  }

  started(record: InstanceRecord): void {
    this.#answerWatch.started(record)
  }

  /**
   * A request ended, of which no head was announced. `failure`: what its failure says of the instance, if it failed and that says
   * something; `probed`: the ejection that it tried, if it did.
   */
  finished(
    record: InstanceRecord,
    outcome: Outcome,
    failure: FailureMode | undefined,
    probed: Ejection | undefined,
  ): void {
    this.answered(record, outcome, failure, probed)
    if (outcome.ok && probed === undefined) record.tracker?.completed()
    this.#count(record, outcome)
  }

  /** The head of an answer is there: what it says of the instance counts from now on, however long the rest takes. */
  answered(
    record: InstanceRecord,
    outcome: Outcome,
    failure: FailureMode | undefined,
    probed: Ejection | undefined,
  ): void {
    const { tracker } = record
    const { ok, statusCode, latencyMs } = outcome
    record.awaiting--
    if (ok) this.#answerWatch.answered(latencyMs)
    if (ok || statusCode !== undefined) record.answered()
    if (probed !== undefined) {
      record.probed = false
      tracker?.endProbe(probeResult(ok, failure), probed, failure === 'server' ? undefined : failure)
    } else if (ok) tracker?.answered()
    else if (failure !== undefined) tracker?.failed(failure)
    if (ok || failure !== undefined) this.#tellThrottle(failure, statusCode)
  }

  /** The rest of an answer is there, or broke off. */
  finishedBody(record: InstanceRecord, outcome: Outcome, failure: FailureMode | undefined): void {
    if (outcome.ok) record.tracker?.completed()
    else if (failure !== undefined && failure !== 'server') record.tracker?.broke(failure)
    this.#count(record, outcome)
  }

  /** The roster has another list: newcomers get the median of the learnt weights before they are picked. */
  instancesChanged({ removed }: InstancesDiff): void {
    const { learnedWeights } = this
    if (learnedWeights === undefined) return
    for (const { id } of removed) learnedWeights.forget(id)
    this.#roster.learnWeights(learnedWeights)
  }

  close(): void {
    this.secondTries.close()
    this.#answerWatch.close()
  }

  #count(record: InstanceRecord, { ok, blame, loadReport }: Outcome): void {
    if (ok) record.succeeded++
    else if (blame !== 'none') record.failed++
    const { learnedWeights } = this
    if (learnedWeights === undefined) return
    // Its id may be another instance's by now.
    if (loadReport !== undefined && record.state !== 'draining') learnedWeights.report(record.instance.id, loadReport)
    // Without a report too: what is known becomes old.
    this.#roster.learnWeights(learnedWeights)
  }

  // An error of the service's own logic was accepted; one of overload, or of no connection, was not.
  #tellThrottle(failure: FailureMode | undefined, statusCode: number | undefined): void {
    const unreached = failure !== undefined && failure !== 'server'
    if (unreached || statusCode === 429 || statusCode === 503) this.throttle?.refused()
    else this.throttle?.accepted()
  }
}

/** How long an instance may be silent: also where that ejects nobody, waiting calls leave it. */
export function noAnswerOptions({ outlierDetection }: ServiceSettings): NoAnswerOptions {
  return outlierDetection === false || outlierDetection.noAnswer === false ? {} : (outlierDetection.noAnswer ?? {})
}

function probeResult(ok: boolean, failure: FailureMode | undefined): 'succeeded' | 'failed' | 'unknown' {
  if (ok) return 'succeeded'
  return failure === undefined ? 'unknown' : 'failed'
}
