import type { Clock } from '../base/clock.ts'
import type { ServiceSettings } from '../config/service-settings.ts'
import type { Overrides } from '../control/overrides.ts'
import { type CandidateGroup, judgeEligibility } from '../health/eligibility/eligibility.ts'
import type { ZoneRouting } from '../health/eligibility/zone-routing.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import type { LearnedWeights } from '../load-report/learned-weights.ts'
import type { EventChannel } from '../observe/event-channel.ts'
import type { InstanceRecord } from './record.ts'
import type { SteeredSplit } from './steered-split.ts'
import type { TrafficSplit } from './traffic-split.ts'

export interface CandidatesOptions {
  readonly service: string
  readonly settings: ServiceSettings
  readonly clock: Clock
  readonly events: EventChannel
  readonly overrides: Overrides
  /** Gets the candidates. */
  readonly splits: SteeredSplit
}

/** Which instances of one service may be picked: facts become candidates, and a weight may be a learnt one. */
export class Candidates {
  readonly #options: CandidatesOptions
  #records: readonly InstanceRecord[] = []
  /** Of the records; made when weights are learnt. */
  #ids: readonly string[] | undefined
  #weights: Float64Array | undefined
  /** Whether an override changes what the balancers see of an instance. */
  #isOverridden = false
  #panic: string | undefined
  #zone: ZoneRouting | undefined
  #judgement = 0

  constructor(options: CandidatesOptions) {
    this.#options = options
  }

  /** Those of the list, and the kept ones; another array after each change of them. */
  get records(): readonly InstanceRecord[] {
    return this.#records
  }

  /** Counts the calls of `judge`. */
  get judgement(): number {
    return this.#judgement
  }

  /** What picks use, as of the last `judge`. */
  get split(): TrafficSplit {
    return this.#options.splits.current
  }

  /** Whether the balancers see copies of instances, with weights that were set at run time. */
  get areCopies(): boolean {
    return this.#isOverridden
  }

  /** Why health is ignored, if it is, as of the last `judge`. */
  get panic(): string | undefined {
    return this.#panic
  }

  /** Whether instances of the own zone are preferred, as of the last `judge`. */
  get zone(): ZoneRouting | undefined {
    return this.#zone
  }

  /** How many instances could take requests now. */
  get usable(): number {
    let count = 0
    for (const { candidate, problem } of this.#records) if (candidate.weight > 0 && problem === undefined) count++
    return count
  }

  /** Those of the list, and the kept ones. */
  replace(records: readonly InstanceRecord[]): void {
    this.#records = records
    this.#ids = undefined
  }

  remove(record: InstanceRecord): void {
    this.replace(this.#records.filter((other) => other !== record))
  }

  /** Gives every instance the weight that was learnt, or back its own; says whether that changes anything. */
  learnWeights(learned: LearnedWeights): boolean {
    this.#ids ??= this.#records.map(({ instance }) => instance.id)
    const weights = learned.weights(this.#ids)
    if (weights === this.#weights) return false
    this.#weights = weights
    for (const [index, record] of this.#records.entries()) {
      const { instance } = record
      record.learn(instance.weight === 0 ? 0 : (weights?.[index] ?? instance.weight))
    }
    this.#override()
    return true
  }

  /** Hands those that may be picked to the balancers. Throws what a balancer throws. */
  judge(): void {
    const { clock, events, splits, settings } = this.#options
    const now = clock.now()
    this.#judgement++
    this.#override()
    const result = judgeEligibility(this.#records, settings)
    for (const record of this.#records) record.judged(result.verdictOf(record), result.isCandidate(record), now)
    const { groups } = result
    events.together(() => {
      try {
        this.#hand(splits, this.#records, groups, () => this.#ownGroups())
      } finally {
        this.#enter(result.panic, result.zone)
      }
    })
  }

  /**
   * Hands those of `members` that may be picked to the balancers of a subset, as of the last `judge`. The service as a whole decides on
   * panic, and a subset follows; in one that is the `last` resort, health is ignored also when none of its own is healthy.
   */
  judgeSubset(members: readonly InstanceRecord[], splits: SteeredSplit, last: boolean): void {
    const { panic, zone } = this.#options.settings
    const threshold = last && panic.threshold > 0 ? Number.MIN_VALUE : 0
    const policy = { panic: { ...panic, threshold }, zone }
    // Those that panic of the kind `fail` leaves out are left out here, too.
    const used = members.filter(({ state, isCandidate }) => state !== 'available' || isCandidate)
    const groupsOf = (which: 'candidate' | 'own'): readonly CandidateGroup[] => {
      const problemOf = ({ isCandidate, problem }: InstanceRecord): InstanceRecord['problem'] =>
        isCandidate ? undefined : problem
      const judged = used.map((record) => ({ candidate: record[which], problem: problemOf(record) }))
      return judgeEligibility(judged, policy).groups
    }
    this.#hand(splits, members, groupsOf('candidate'), () => groupsOf('own'))
  }

  #hand(
    splits: SteeredSplit,
    records: readonly InstanceRecord[],
    groups: readonly CandidateGroup[],
    ownGroups: () => readonly CandidateGroup[],
  ): void {
    const { shares } = this.#options.overrides
    if (this.#isOverridden || shares !== undefined)
      splits.steer({ groups, ownGroups, resting: resting(records), shares })
    else splits.update(groups)
  }

  /** Gives the records the weights that were set at run time, or takes them back. */
  #override(): void {
    const { overrides } = this.#options
    if (overrides.isEmpty && !this.#isOverridden) return
    const unit = this.#weights === undefined ? 1 : this.#medianWeight()
    this.#isOverridden = false
    for (const record of this.#records) {
      const weight = overrides.weightOf(record.instance.id)
      if (record.override(weight === undefined ? undefined : weight / unit)) this.#isOverridden = true
    }
  }

  /** Of the weights that the registry says: learnt ones, whose median is 1, are in this unit. */
  #medianWeight(): number {
    const weights = this.#records
      .flatMap(({ instance: { weight } }) => (weight > 0 ? weight : []))
      .sort((a, b) => a - b)
    return weights[weights.length >> 1] ?? 1
  }

  /** What the groups would be without overrides. */
  #ownGroups(): readonly CandidateGroup[] {
    const judged = this.#records.map(({ own, problem }) => ({ candidate: own, problem }))
    return judgeEligibility(judged, this.#options.settings).groups
  }

  #enter(panic: string | undefined, zone: ZoneRouting | undefined): void {
    const { events, service } = this.#options
    const [panicBefore, zoneBefore] = [this.#panic, this.#zone]
    this.#panic = panic
    this.#zone = zone
    if (!events.active) return
    if (panic !== panicBefore) events.emit({ type: 'panic-changed', service, reason: panic })
    if (zone === undefined || zoneBefore?.active === zone.active) return
    const { active, reason } = zone
    events.emit({ type: 'zone-routing-changed', service, active, reason })
  }
}

/** Those that an operator drained. */
function resting(records: readonly InstanceRecord[]): readonly ServiceInstance[] {
  return records.flatMap(({ own, candidate }) => (candidate.weight === 0 && own.weight > 0 ? candidate : []))
}
