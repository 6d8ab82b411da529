import { boundedLatencyMs } from '../base/latency.ts'
import { rejectOption } from '../base/option-checks.ts'
import type { RunningClock } from '../base/running-clock.ts'
import type { Ejection } from '../health/outliers/ejection.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import type { Outcome } from '../instance/outcome.ts'
import type { Picked } from './picker.ts'

/** An instance that counts a request in flight until `done` is called. */
export interface PickResult {
  readonly instance: ServiceInstance
  /**
   * Reports how the request ended. Exactly once on every path; a second call is ignored. A `latencyMs` that is no finite
   * number ≥ 0 counts as 0, and above an hour as an hour.
   */
  readonly done: (outcome: Outcome) => void
}

/** Who is told how a request went. */
export interface RequestEnds {
  answered(request: SinglePickResult, outcome: Outcome): void
  ended(request: SinglePickResult, outcome: Outcome): void
  readonly running: RunningClock
}

/** A `PickResult` that tells the first outcome. */
export class SinglePickResult implements PickResult {
  readonly instance: ServiceInstance
  readonly picked: Picked
  /** The ejection that this request tries. */
  readonly probed: Ejection | undefined
  /** How long the process had stood when the request began. */
  readonly #stoodMs: number
  #ends: RequestEnds | undefined
  #answered = false

  constructor(picked: Picked, probed: Ejection | undefined, stoodMs: number, ends: RequestEnds) {
    this.instance = picked.record.instance
    this.picked = picked
    this.probed = probed
    this.#stoodMs = stoodMs
    this.#ends = ends
  }

  /** Whether the head of an answer came before its end. */
  get hasHead(): boolean {
    return this.#answered
  }

  /** The head of an answer is there, with this outcome so far, although the request goes on: its body is still being read. */
  answered(outcome: Outcome): void {
    if (this.#ends === undefined || this.#answered) return
    this.#answered = true
    this.#ends.answered(this, outcome)
  }

  // It may be taken out of the result.
  get done(): (outcome: Outcome) => void {
    return (outcome) => {
      const ends = this.#ends
      if (ends === undefined) return
      const latencyMs = latencyWithoutPauses(checkedOutcome(outcome).latencyMs, ends.running, this.#stoodMs)
      this.end(latencyMs === outcome.latencyMs ? outcome : { ...outcome, latencyMs })
    }
  }

  /** `done` for an outcome that was measured here. */
  end(outcome: Outcome): void {
    const ends = this.#ends
    if (ends === undefined) return
    this.#ends = undefined
    ends.ended(this, outcome)
  }
}

/** @throws InvalidOptionError when `outcome` is not an object with `ok` and `latencyMs` */
function checkedOutcome(outcome: Outcome): Outcome {
  if (typeof outcome?.ok !== 'boolean' || typeof outcome.latencyMs !== 'number') {
    rejectOption('PickResult.done.outcome', 'an object with ok (boolean) and latencyMs (number)', outcome)
  }
  return outcome
}

/** No pause that is noticed is shorter. */
const shortestPauseMs = 50

/** A latency as a running mean can take it, less the time for which the process stood since it `hadStoodMs`. */
function latencyWithoutPauses(given: number, running: RunningClock, hadStoodMs: number): number {
  const latencyMs = boundedLatencyMs(given)
  if (latencyMs < shortestPauseMs) return latencyMs
  // The answer may be read before the beat that notices the pause.
  running.now()
  return Math.max(0, latencyMs - (running.stoodMs - hadStoodMs))
}
