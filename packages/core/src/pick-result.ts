import type { Outcome } from './balancer/balancer.ts'
import type { ServiceInstance } from './instance.ts'
import { rejectOption } from './options.ts'

/** An instance that counts a request in flight until `done` is called. */
export interface PickResult {
  readonly instance: ServiceInstance
  /** Reports how the request ended. Exactly once on every path; a second call is ignored. */
  readonly done: (outcome: Outcome) => void
}

/** A `PickResult` that hands the first outcome to `finish`. */
export class SinglePickResult implements PickResult {
  readonly instance: ServiceInstance
  readonly #record: { answered(): void }
  #finish: ((outcome: Outcome) => void) | undefined

  constructor(instance: ServiceInstance, record: { answered(): void }, finish: (outcome: Outcome) => void) {
    this.instance = instance
    this.#record = record
    this.#finish = finish
  }

  /** The instance answered, although the request goes on: its body is still being read. */
  answered(): void {
    if (this.#finish !== undefined) this.#record.answered()
  }

  /** @throws InvalidOptionError when `outcome` is not an object with `ok` and `latencyMs` */
  // A property, as it may be taken out of the result.
  readonly done = (outcome: Outcome): void => {
    const finish = this.#finish
    if (finish === undefined) return
    if (typeof outcome?.ok !== 'boolean' || typeof outcome.latencyMs !== 'number') {
      rejectOption('PickResult.done.outcome', 'an object with ok (boolean) and latencyMs (number)', outcome)
    }
    this.#finish = undefined
    finish(outcome)
  }
}
