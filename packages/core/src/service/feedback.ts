import type { Clock } from '../base/clock.ts'
import { withDefaults } from '../base/option-table.ts'
import type { Random } from '../base/random.ts'
import type { InstancesDiff } from '../cache/diff-instances.ts'
import type { ServiceSettings } from '../config/service-settings.ts'
import { AnswerWatch, type NoAnswerOptions, noAnswerTable } from '../health/outliers/answer-watch.ts'
import type { Looks } from '../health/outliers/looks.ts'
import type { LoadReport, Outcome } from '../instance/outcome.ts'
import { LearnedWeights } from '../load-report/learned-weights.ts'
import { ReportPolling } from '../load-report/report-polling.ts'
import { ClientThrottle } from '../overload/client-throttle.ts'
import { LatencyQuantile } from '../overload/latency-quantile.ts'
import type { RetryBudget } from '../retry/retry-budget.ts'
import type { MovableAttempts } from './movable-attempts.ts'
import type { AnswerCount, InstanceRecord } from './record.ts'
import type { Roster } from './roster.ts'
import { SecondTries } from './second-tries.ts'
import { Suspects } from './suspects.ts'

export interface FeedbackOptions {
  readonly settings: ServiceSettings
  readonly clock: Clock
  readonly random: Random
  readonly roster: Roster
  readonly looks: Looks
  readonly movable: MovableAttempts
  readonly budget: RetryBudget | undefined
}

/** What learns from the outcomes of requests, besides the instance itself. `Requests` says what an outcome teaches which. */
export class Feedback {
  readonly throttle: ClientThrottle | undefined
  /** How long first attempts of calls take that may be hedged; kept only when that says how long to wait. */
  readonly latencies: LatencyQuantile | undefined
  readonly learnedWeights: LearnedWeights | undefined
  readonly secondTries: SecondTries
  readonly watch: AnswerWatch<AnswerCount>
  readonly suspects: Suspects
  readonly #roster: Roster
  readonly #polling: ReportPolling | undefined

  constructor({ settings, clock, random, roster, looks, movable, budget }: FeedbackOptions) {
    this.#roster = roster
    this.throttle = settings.throttle && new ClientThrottle({ ...settings.throttle, clock, random })
    const { hedge } = settings
    this.latencies = hedge !== undefined && hedge.delayMs === undefined ? new LatencyQuantile({ clock }) : undefined
    this.learnedWeights = settings.loadReports && new LearnedWeights({ ...settings.loadReports, clock })
    this.#polling = newPolling(settings, clock, random, roster, (record, report) => this.reported(record, report))
    const { minimumRequests } = withDefaults(noAnswerOptions(settings), noAnswerTable)
    const onSilent = (record: InstanceRecord, forMs: number): void => roster.silent(record, forMs)
    looks.add(() => {
      movable.count(roster, budget === undefined || budget.balance >= 1)
      return false
    })
    this.watch = new AnswerWatch<AnswerCount>({
      ...noAnswerOptions(settings),
      looks,
      onSilent: ({ record }, forMs) => onSilent(record, forMs),
      onIdle: ({ record }) => record.dropAnswers(),
      waitingElsewhere: ({ awaiting }) => roster.awaiting - awaiting,
    })
    const { watch } = this
    this.suspects = new Suspects({ clock, looks, roster, usualMs: () => watch.usualMs })
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

  /** The roster has another list: newcomers get the median of the learnt weights before they are picked. */
  instancesChanged({ removed }: InstancesDiff): void {
    this.#polling?.start()
    const { learnedWeights } = this
    if (learnedWeights === undefined) return
    for (const { id } of removed) learnedWeights.forget(id)
    this.#roster.learnWeights(learnedWeights)
  }

  /** An answer of the instance came, maybe with a report of its load. */
  reported(record: InstanceRecord, loadReport: Outcome['loadReport']): void {
    const { learnedWeights } = this
    if (learnedWeights === undefined) return
    // Its id may be another instance's by now.
    if (loadReport !== undefined && record.state !== 'draining') learnedWeights.report(record.instance.id, loadReport)
    // Without a report too: what is known becomes old.
    this.#roster.learnWeights(learnedWeights)
  }

  close(): void {
    this.#polling?.close()
    this.secondTries.close()
    this.watch.close()
  }
}

/** Asks the instances for their reports, if the application wants that. */
function newPolling(
  { loadReports }: ServiceSettings,
  clock: Clock,
  random: Random,
  roster: Roster,
  onReport: (record: InstanceRecord, report: LoadReport) => void,
): ReportPolling | undefined {
  const { poll = false } = loadReports ?? {}
  if (poll === false) return undefined
  return new ReportPolling({
    ...poll,
    clock,
    random,
    instances: () => roster.records,
    onReport: (instance, report) => {
      const record = roster.recordOf(instance)
      if (record !== undefined) onReport(record, report)
    },
  })
}

/** How long an instance may be silent: waiting calls leave it even if it is not ejected. */
export function noAnswerOptions({ outlierDetection }: ServiceSettings): NoAnswerOptions {
  return outlierDetection === false || outlierDetection.noAnswer === false ? {} : outlierDetection.noAnswer
}
