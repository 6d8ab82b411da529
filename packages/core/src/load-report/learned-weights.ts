import type { Clock } from '../base/clock.ts'
import { checkOptions, clockOption, withDefaults } from '../base/option-table.ts'
import type { LoadReport } from '../instance/outcome.ts'
import { type LoadReportOptions, loadReportTable } from './options.ts'
import { ReportedLoad } from './reported-load.ts'

/**
 * A weight stays within these multiples of the median. One odd report moves the median by one place at most, whatever it
 * says, so its instance gets at most four times its fair share, and no other instance starves.
 */
const leastShare = 0.1
const largestShare = 4

/** An instance with less is not overloaded, whatever the others report. */
const leastOverload = 0.05
/** Instances whose median may call another one overloaded. */
const fewestCompared = 3
/** A metric that says nothing is in use is taken for this much. */
const idle = 0.01

/**
 * How slowly a weight without a rate follows the load, in milliseconds. The load itself follows the weight: without this,
 * each of both would turn the other over, again and again.
 */
const followMs = 10_000

/** What is known of one instance. */
interface Learned {
  weight: number
  /** Utilization, with the penalty for errors. */
  load: number
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
 * An instance whose load is far above the median of the fleet counts as overloaded, if the application says so: it keeps the
 * least share, so that its reports go on.
 *
 * Source: gRFC A58 for the formula, the blackout and the expiry.
 */
export class LearnedWeights {
  readonly #clock: Clock
  readonly #blackoutMs: number
  readonly #expiryMs: number
  readonly #penalty: number
  readonly #reported: ReportedLoad
  /** Whether the application says which metrics count. */
  readonly #isChosen: boolean
  readonly #overloadRatio: number | false
  readonly #updateMs: number
  readonly #learned = new Map<string, Learned>()
  #ids: readonly string[] | undefined
  #weights: Float64Array | undefined
  #computedMs = 0

  /** @throws InvalidOptionError */
  constructor(options: LoadReportOptions & { readonly clock?: Clock | undefined } = {}) {
    const table = { ...loadReportTable, clock: clockOption() }
    checkOptions('LearnedWeights', options, table)
    const values = withDefaults(options, table)
    const { clock, blackoutMs, expiryMs, errorUtilizationPenalty, updateMs, metrics, overloadRatio } = values
    this.#clock = clock
    this.#reported = new ReportedLoad(metrics)
    this.#isChosen = metrics.length > 0
    this.#overloadRatio = overloadRatio
    this.#blackoutMs = blackoutMs
    this.#expiryMs = expiryMs
    this.#penalty = errorUtilizationPenalty
    this.#updateMs = updateMs
  }

  /** Instances of which something is known. */
  get size(): number {
    return this.#learned.size
  }

  /**
   * Takes in a report of an instance. One without requests or utilization says nothing, and is left out; with `metrics`,
   * the requests may be missing.
   */
  report(id: string, report: LoadReport): void {
    const load = this.#loadOf(report)
    const { rpsFractional = 0 } = report
    // Servers that report no rate get requests in inverse proportion to their load.
    const hasRate = rpsFractional > 0 || !this.#isChosen
    const weight = (hasRate ? rpsFractional : 1) / load
    if (!(weight > 0 && weight < Number.POSITIVE_INFINITY)) return
    const nowMs = this.#clock.now()
    const learned = this.#learned.get(id)
    if (learned === undefined) {
      this.#learned.set(id, { weight, load, sinceMs: nowMs, lastMs: nowMs })
      return
    }
    const isExpired = this.#isExpired(learned, nowMs)
    if (isExpired) learned.sinceMs = nowMs
    learned.weight = hasRate || isExpired ? weight : approached(learned.weight, weight, nowMs - learned.lastMs)
    learned.load = load
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
    const weights = scaled(Float64Array.from(ids, (id) => this.#usable(id, nowMs)?.weight ?? 0))
    if (weights !== undefined && this.#overloadRatio !== false) this.#relieve(weights, ids, this.#overloadRatio)
    // The same numbers for other instances are other weights.
    if (ids !== this.#ids || !isSame(weights, this.#weights)) this.#weights = weights
    this.#ids = ids
    this.#computedMs = nowMs
    return this.#weights
  }

  /** NaN: it is not told. */
  #loadOf(report: LoadReport): number {
    const told = this.#reported.utilization(report)
    const utilization = this.#isChosen && told !== undefined ? Math.max(told, idle) : told
    if (utilization === undefined || utilization === 0) return Number.NaN
    const { rpsFractional = 0, eps = 0 } = report
    return utilization + (rpsFractional > 0 ? (eps / rpsFractional) * this.#penalty : 0)
  }

  /** Gives instances that are overloaded the least weight. */
  #relieve(weights: Float64Array, ids: readonly string[], ratio: number): void {
    const nowMs = this.#clock.now()
    const loads = Float64Array.from(ids, (id) => this.#usable(id, nowMs)?.load ?? 0)
    const known = loads.filter((load) => load > 0).sort()
    if (known.length < fewestCompared) return
    const limit = Math.max(leastOverload, ratio * medianOf(known))
    for (const [index, load] of loads.entries()) if (load > limit) weights[index] = leastShare
  }

  /** `undefined`: it is not known, or not to be used yet. */
  #usable(id: string, nowMs: number): Learned | undefined {
    const learned = this.#learned.get(id)
    return learned === undefined || nowMs - learned.sinceMs < this.#blackoutMs ? undefined : learned
  }

  #isExpired(learned: Learned, nowMs: number): boolean {
    return nowMs - learned.lastMs >= this.#expiryMs
  }

  /** Also bounds what a late report of an instance that was forgotten leaves behind. */
  #dropExpired(nowMs: number): void {
    for (const [id, learned] of this.#learned) if (this.#isExpired(learned, nowMs)) this.#learned.delete(id)
  }
}

/** `weight` after it went towards `target` for `ms`, in proportion. */
function approached(weight: number, target: number, ms: number): number {
  const part = 1 - Math.exp(-ms / followMs)
  // Not by their ratio, which overflows between a tiny and a huge one.
  return weight ** (1 - part) * target ** part
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
