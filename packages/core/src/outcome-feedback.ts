import type { Outcome } from './balancer/balancer.ts'
import type { InstancesDiff } from './cache/diff-instances.ts'
import type { Clock } from './clock.ts'
import { AnswerWatch } from './health/answer-watch.ts'
import type { Ejection } from './health/ejection.ts'
import type { InstanceRecord } from './instance-record.ts'
import type { InstanceRoster } from './instance-roster.ts'
import { LearnedWeights } from './load-report/learned-weights.ts'
import { ClientThrottle } from './overload/client-throttle.ts'
import { LatencyQuantile } from './overload/latency-quantile.ts'
import type { Random } from './random.ts'
import type { FailureKind } from './retry/failure-kind.ts'
import type { ServiceSettings } from './service-settings.ts'

export interface OutcomeFeedbackOptions {
  readonly settings: ServiceSettings
  readonly clock: Clock
  readonly random: Random
  readonly roster: InstanceRoster
}

/** What the outcomes of requests teach: about each instance, about the service, and about how long answers take. */
export class OutcomeFeedback {
  readonly throttle: ClientThrottle | undefined
  /** How long first attempts of calls take that may be hedged; kept only when that says how long to wait. */
  readonly latencies: LatencyQuantile | undefined
  readonly learnedWeights: LearnedWeights | undefined
  readonly #roster: InstanceRoster
  readonly #answerWatch: AnswerWatch<InstanceRecord> | undefined

  constructor({ settings, clock, random, roster }: OutcomeFeedbackOptions) {
    this.#roster = roster
    this.throttle = settings.throttle && new ClientThrottle({ ...settings.throttle, clock, random })
    const { hedge } = settings
    this.latencies = hedge !== undefined && hedge.delayMs === undefined ? new LatencyQuantile({ clock }) : undefined
    this.learnedWeights = settings.loadReports && new LearnedWeights({ ...settings.loadReports, clock })
    const { outlierDetection } = settings
    if (outlierDetection === false || outlierDetection.noAnswer === false) return
    this.#answerWatch = new AnswerWatch({
      ...outlierDetection.noAnswer,
      clock,
      onSilent: (record, forMs) => roster.silent(record, forMs),
    })
  }

  started(record: InstanceRecord): void {
    this.#answerWatch?.started(record)
  }

  /**
   * `kind`: what the failure says of the instance, if it failed and that says something; `probed`: the ejection that this request
   * tried, if it did.
   */
  finished(
    record: InstanceRecord,
    outcome: Outcome,
    kind: FailureKind | undefined,
    probed: Ejection | undefined,
  ): void {
    const { tracker } = record
    const { ok, statusCode, loadReport } = outcome
    if (ok) this.#succeeded(record, outcome.latencyMs)
    else if (outcome.blame !== 'none') record.failed++
    if (ok || statusCode !== undefined) record.answered()
    if (probed !== undefined) {
      record.probed = false
      tracker?.endProbe(probeResult(ok, kind), probed)
    } else if (ok) tracker?.succeeded()
    else if (kind !== undefined) tracker?.failed(kind)
    if (ok || kind !== undefined) this.#tellThrottle(kind, statusCode)
    const { learnedWeights } = this
    if (learnedWeights === undefined) return
    // Its id may be another instance's by now.
    if (loadReport !== undefined && record.state !== 'draining') learnedWeights.report(record.instance.id, loadReport)
    // Without a report too: what is known becomes old.
    this.#roster.learnWeights(learnedWeights)
  }

  /** The roster has another list: newcomers get the median of the learnt weights before they are picked. */
  instancesChanged({ removed }: InstancesDiff): void {
    const { learnedWeights } = this
    if (learnedWeights === undefined) return
    for (const { id } of removed) learnedWeights.forget(id)
    this.#roster.learnWeights(learnedWeights)
  }

  close(): void {
    this.#answerWatch?.close()
  }

  #succeeded(record: InstanceRecord, latencyMs: number): void {
    record.succeeded++
    this.#answerWatch?.answered(latencyMs)
  }

  // An error of the service's own logic was accepted; one of overload, or of no connection, was not.
  #tellThrottle(kind: FailureKind | undefined, statusCode: number | undefined): void {
    if (kind === 'connect' || statusCode === 429 || statusCode === 503) this.throttle?.refused()
    else this.throttle?.accepted()
  }
}

function probeResult(ok: boolean, kind: FailureKind | undefined): 'succeeded' | 'failed' | 'unknown' {
  if (ok) return 'succeeded'
  return kind === undefined ? 'unknown' : 'failed'
}
