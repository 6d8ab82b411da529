import type { Criticality } from '@lb/core'
import { percentilesOf } from './percentiles.ts'

/** The calls that started in one second of virtual time. */
export interface SecondReport {
  /** Calls that started in this second. */
  readonly calls: number
  /** Those of them that succeeded, whenever they ended. */
  readonly succeeded: number
}

/** The calls of one class. */
export interface CriticalityReport {
  /** The number of calls. */
  readonly calls: number
  /** The number of successful calls. */
  readonly succeeded: number
}

/** Counts calls, and keeps the latencies of successful calls, 8 bytes each. */
export class CallRecorder {
  calls = 0
  succeeded = 0
  attempts = 0
  readonly #secondCalls: number[] = []
  readonly #secondSucceeded: number[] = []
  readonly #failures = new Map<string, number>()
  #latenciesMs = new Float64Array(1_024)
  readonly #classes = new Map<Criticality, { calls: number; succeeded: number }>()

  /** Records the start of a call, `elapsedMs` after the start of the simulation. */
  began(elapsedMs: number, criticality: Criticality = 'default'): void {
    this.calls++
    this.#classOf(criticality).calls++
    const second = Math.floor(elapsedMs / 1_000)
    while (this.#secondCalls.length <= second) this.#secondCalls.push(0)
    this.#secondCalls[second] = (this.#secondCalls[second] ?? 0) + 1
  }

  /** Records the success of the call that started at `elapsedMs`. */
  ended(elapsedMs: number, latencyMs: number, criticality: Criticality = 'default'): void {
    this.#classOf(criticality).succeeded++
    const second = Math.floor(elapsedMs / 1_000)
    this.#secondSucceeded[second] = (this.#secondSucceeded[second] ?? 0) + 1
    if (this.succeeded === this.#latenciesMs.length) {
      const larger = new Float64Array(2 * this.succeeded)
      larger.set(this.#latenciesMs)
      this.#latenciesMs = larger
    }
    this.#latenciesMs[this.succeeded++] = latencyMs
  }

  /** Records a failure. There should be only a few different reasons. */
  failed(reason: string): void {
    this.#failures.set(reason, (this.#failures.get(reason) ?? 0) + 1)
  }

  get failures(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#failures].sort(([left], [right]) => (left < right ? -1 : 1)))
  }

  /** The calls of each class that had any. */
  get byCriticality(): Readonly<Partial<Record<Criticality, CriticalityReport>>> {
    return Object.fromEntries([...this.#classes].map(([criticality, counts]) => [criticality, { ...counts }]))
  }

  /** The latencies of successful calls at these ratios, by nearest rank; NaN if no call succeeded. */
  percentilesMs(ratios: readonly number[]): number[] {
    return percentilesOf(this.#latenciesMs.slice(0, this.succeeded), ratios)
  }

  /** Second by second from the start; seconds without calls have 0 and 0. */
  get seconds(): SecondReport[] {
    return Array.from(this.#secondCalls, (calls, second) => ({
      calls,
      succeeded: this.#secondSucceeded[second] ?? 0,
    }))
  }

  #classOf(criticality: Criticality): { calls: number; succeeded: number } {
    let counts = this.#classes.get(criticality)
    if (counts === undefined) {
      counts = { calls: 0, succeeded: 0 }
      this.#classes.set(criticality, counts)
    }
    return counts
  }
}
