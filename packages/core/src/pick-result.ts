import type { Outcome } from './balancer/balancer.ts'
import type { Ejection } from './health/ejection.ts'
import type { ServiceInstance } from './instance.ts'
import type { Picked } from './instance-picker.ts'
import { rejectOption } from './options.ts'

/** An instance that counts a request in flight until `done` is called. */
export interface PickResult {
  readonly instance: ServiceInstance
  /** Reports how the request ended. Exactly once on every path; a second call is ignored. */
  readonly done: (outcome: Outcome) => void
}

/** Who is told how a request ended. */
export interface RequestEnds {
  ended(request: SinglePickResult, outcome: Outcome): void
}

/** A `PickResult` that tells the first outcome. */
export class SinglePickResult implements PickResult {
  readonly instance: ServiceInstance
  readonly picked: Picked
  /** The ejection that this request tries. */
  readonly probed: Ejection | undefined
  #ends: RequestEnds | undefined

  constructor(picked: Picked, probed: Ejection | undefined, ends: RequestEnds) {
    this.instance = picked.record.instance
    this.picked = picked
    this.probed = probed
    this.#ends = ends
  }

  /** The instance answered, although the request goes on: its body is still being read. */
  answered(): void {
    if (this.#ends !== undefined) this.picked.record.answered()
  }

  // It may be taken out of the result.
  get done(): (outcome: Outcome) => void {
    return (outcome) => this.end(outcome)
  }

  /** `done` for those who hold the result. @throws InvalidOptionError when `outcome` is not an object with `ok` and `latencyMs` */
  end(outcome: Outcome): void {
    const ends = this.#ends
    if (ends === undefined) return
    if (typeof outcome?.ok !== 'boolean' || typeof outcome.latencyMs !== 'number') {
      rejectOption('PickResult.done.outcome', 'an object with ok (boolean) and latencyMs (number)', outcome)
    }
    this.#ends = undefined
    ends.ended(this, outcome)
  }
}
