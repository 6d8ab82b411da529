import type { Clock } from '../base/clock.ts'
import type { ServiceSettings } from '../config/service-settings.ts'
import { judgeEligibility } from '../health/eligibility/eligibility.ts'
import type { ZoneRouting } from '../health/eligibility/zone-routing.ts'
import { withWeight } from '../instance/instance.ts'
import type { LearnedWeights } from '../load-report/learned-weights.ts'
import type { EventChannel } from '../observe/event-channel.ts'
import type { InstanceRecord } from './record.ts'
import type { TrafficSplit } from './traffic-split.ts'

export interface CandidatesOptions {
  readonly service: string
  readonly settings: ServiceSettings
  readonly clock: Clock
  readonly events: EventChannel
  /** Gets the candidates. */
  readonly split: TrafficSplit
}

/** Which instances of one service may be picked: facts become candidates, and a weight may be a learnt one. */
export class Candidates {
  readonly #options: CandidatesOptions
  #records: readonly InstanceRecord[] = []
  #ids: readonly string[] = []
  #weights: Float64Array | undefined
  #panic: string | undefined
  #zone: ZoneRouting | undefined

  constructor(options: CandidatesOptions) {
    this.#options = options
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
      const { instance, candidate } = record
      const weight = instance.weight === 0 ? 0 : (weights?.[index] ?? instance.weight)
      if (weight === candidate.weight) continue
      record.candidate = weight === instance.weight ? instance : withWeight(instance, weight)
    }
    return true
  }

  /** Hands those that may be picked to the balancers. Throws what a balancer throws. */
  judge(): void {
    const { clock, events, split, settings } = this.#options
    const now = clock.now()
    const result = judgeEligibility(this.#records, settings)
    for (const [index, record] of this.#records.entries()) {
      const verdict = result.verdicts[index]
      if (verdict !== undefined) record.judged(verdict, result.candidates[index] === true, now)
    }
    events.together(() => {
      try {
        split.update(result.groups)
      } finally {
        this.#enter(result.panic, result.zone)
      }
    })
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
