import type { Clock } from '../base/clock.ts'
import {
  checkOptions,
  clockOption,
  durationOption,
  numberOption,
  type OptionTable,
  withDefaults,
} from '../base/option-table.ts'
import type { LoadReport } from '../instance/outcome.ts'

/** How weights are learnt from the load that instances report. */
export interface LoadReportOptions {
  /** How long an instance must have reported before its weight is used, in milliseconds. @default 10_000 */
  readonly blackoutMs?: number | undefined
  /** How long a report counts, in milliseconds, ≥ 1. @default 180_000 */
  readonly expiryMs?: number | undefined
  /**
   * How much failed requests lower the weight, from 0 to 1 000. With 1, failing every request counts like a fully used
   * CPU; with 0, failures do not count.
   * @default 1
   */
  readonly errorUtilizationPenalty?: number | undefined
  /** Shortest time between changes of the weights, in milliseconds, ≥ 100. @default 1_000 */
  readonly updateMs?: number | undefined
}

export const loadReportTable: OptionTable<LoadReportOptions> = {
  blackoutMs: durationOption({ default: 10_000 }),
  expiryMs: durationOption({ min: 1, default: 180_000 }),
  errorUtilizationPenalty: numberOption({ max: 1_000, default: 1 }),
  updateMs: durationOption({ min: 100, default: 1_000 }),
}

/**
 * A weight stays within these multiples of the median. One odd report moves the median by one place at most, whatever it
 * says, so its instance gets at most four times its fair share, and no other instance starves.
 */
const leastShare = 0.1
const largestShare = 4

/** What is known of one instance. */
interface Learned {
  weight: number
  /** When the reports began that never stopped for `expiryMs` since. */
  sinceMs: number
  lastMs: number
}

/**
 * Weights from load reports: requests per second / (utilization + errors per second / requests per second × penalty).
 * An instance that does more at a lower load gets more.
 *
 * They take the place of the configured weights and are not multiplied with them: what a configured weight says of an
 * instance's size is in its reports already, and would count twice. Instances with the configured weight 0 are none of
 * the candidates.
 *
 * Weights are relative to their median, and bounded by [0.1, 4] × the median. Against the mean, as in gRFC A58, a single
 * report that claims next to no load makes its own yardstick: it takes nearly all of the traffic.
 *
 * Source: gRFC A58 for the formula, the blackout and the expiry.
 */
export class LearnedWeights {
  readonly #clock: Clock
  readonly #blackoutMs: number
  readonly #expiryMs: number
  readonly #penalty: number
  readonly #updateMs: number
  readonly #learned = new Map<string, Learned>()
  #ids: readonly string[] | undefined
  #weights: Float64Array | undefined
  #computedMs = 0

  /** @throws InvalidOptionError */
  constructor(options: LoadReportOptions & { readonly clock?: Clock | undefined } = {}) {
    const table = { ...loadReportTable, clock: clockOption() }
    checkOptions('LearnedWeights', options, table)
    const { clock, blackoutMs, expiryMs, errorUtilizationPenalty, updateMs } = withDefaults(options, table)
    this.#clock = clock
    this.#blackoutMs = blackoutMs
    this.#expiryMs = expiryMs
    this.#penalty = errorUtilizationPenalty
    this.#updateMs = updateMs
  }

  /** Instances of which something is known. */
  get size(): number {
    return this.#learned.size
  }

  /** Takes in a report of an instance. One without requests or utilization says nothing, and is left out. */
  report(id: string, report: LoadReport): void {
    const weight = this.#weightOf(report)
    if (!(weight > 0 && weight < Number.POSITIVE_INFINITY)) return
    const nowMs = this.#clock.now()
    const learned = this.#learned.get(id)
    if (learned === undefined) {
      this.#learned.set(id, { weight, sinceMs: nowMs, lastMs: nowMs })
      return
    }
    if (this.#isExpired(learned, nowMs)) learned.sinceMs = nowMs
    learned.weight = weight
    learned.lastMs = nowMs
  }

  /** The instance is gone, or was started anew: what it reported before does not count. */
  forget(id: string): void {
    this.#learned.delete(id)
  }

  /**
   * The weights of these instances, in their order, with a median of 1. An instance that is not known, or not long
   * enough, has the median of the known ones. `undefined`: fewer than two are known, so the configured weights are to be used.
   *
   * Cheap enough for each request: computed anew only for another array, and `updateMs` after the last time. For the same
   * array the result is the same object as before unless a weight changed; it is not to be changed.
   */
  weights(ids: readonly string[]): Float64Array | undefined {
    const nowMs = this.#clock.now()
    if (ids === this.#ids && nowMs - this.#computedMs < this.#updateMs) return this.#weights
    this.#dropExpired(nowMs)
    const weights = scaled(Float64Array.from(ids, (id) => this.#usableWeight(id, nowMs)))
    // The same numbers for other instances are other weights.
    if (ids !== this.#ids || !isSame(weights, this.#weights)) this.#weights = weights
    this.#ids = ids
    this.#computedMs = nowMs
    return this.#weights
  }

  #weightOf({ applicationUtilization = 0, cpuUtilization = 0, rpsFractional = 0, eps = 0 }: LoadReport): number {
    const utilization = applicationUtilization > 0 ? applicationUtilization : cpuUtilization
    if (!(utilization > 0 && rpsFractional > 0)) return 0
    return rpsFractional / (utilization + (eps / rpsFractional) * this.#penalty)
  }

  /** 0: not known, or not to be used yet. */
  #usableWeight(id: string, nowMs: number): number {
    const learned = this.#learned.get(id)
    return learned === undefined || nowMs - learned.sinceMs < this.#blackoutMs ? 0 : learned.weight
  }

  #isExpired(learned: Learned, nowMs: number): boolean {
    return nowMs - learned.lastMs >= this.#expiryMs
  }

  /** Also bounds what a late report of an instance that was forgotten leaves behind. */
  #dropExpired(nowMs: number): void {
    for (const [id, learned] of this.#learned) if (this.#isExpired(learned, nowMs)) this.#learned.delete(id)
  }
}

/** Scaled to a median of 1 over the known ones, which is also what the unknown (0) get. */
function scaled(weights: Float64Array): Float64Array | undefined {
  const known = weights.filter((weight) => weight > 0).sort()
  if (known.length < 2) return undefined
  const median = medianOf(known)
  return weights.map((weight) => {
    if (weight === 0) return 1
    return Math.min(Math.max(weight / median, leastShare), largestShare)
  })
}

/**
 * Of two in the middle the larger one counts for at most `largestShare` times the smaller: between two instances, their
 * mean would be whatever the larger one claims.
 */
function medianOf(sorted: Float64Array): number {
  const low = sorted[(sorted.length - 1) >> 1] ?? 0
  const high = sorted[sorted.length >> 1] ?? 0
  // Halved first: the sum of huge weights would overflow.
  return low / 2 + Math.min(high / 2, (low / 2) * largestShare)
}

function isSame(one: Float64Array | undefined, other: Float64Array | undefined): boolean {
  if (one === undefined || other === undefined) return one === other
  return one.length === other.length && one.every((weight, index) => weight === other[index])
}
