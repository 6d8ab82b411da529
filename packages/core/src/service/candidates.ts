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
  #ids: readonly string[] = []
  #weights: Float64Array | undefined
  /** Whether an override changes what the balancers see of an instance. */
  #isOverridden = false
  #panic: string | undefined
  #zone: ZoneRouting | undefined

  constructor(options: CandidatesOptions) {
    this.#options = options
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
    return this.#records.filter(({ candidate, problem }) => candidate.weight > 0 && problem === undefined).length
  }

  /** Those of the list, and the kept ones. */
  replace(records: readonly InstanceRecord[]): void {
    this.#records = records
    this.#ids = records.map(({ instance }) => instance.id)
  }

  remove(record: InstanceRecord): void {
    this.replace(this.#records.filter((other) => other !== record))
  }

  /** Gives every instance the weight that was learnt, or back its own; says whether that changes anything. */
  learnWeights(learned: LearnedWeights): boolean {
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
    const { clock, events, overrides, splits, settings } = this.#options
    const now = clock.now()
    this.#override()
    const { shares } = overrides
    const isSteered = this.#isOverridden || shares !== undefined
    const result = judgeEligibility(this.#records, settings)
    for (const [index, record] of this.#records.entries()) {
      const verdict = result.verdicts[index]
      if (verdict !== undefined) record.judged(verdict, result.candidates[index] === true, now)
    }
    const { groups } = result
    events.together(() => {
      try {
        if (isSteered) splits.steer({ groups, ownGroups: () => this.#ownGroups(), resting: this.#resting(), shares })
        else splits.update(groups)
      } finally {
        this.#enter(result.panic, result.zone)
      }
    })
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

  #resting(): readonly ServiceInstance[] {
    return this.#records.flatMap(({ own, candidate }) => (candidate.weight === 0 && own.weight > 0 ? candidate : []))
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
