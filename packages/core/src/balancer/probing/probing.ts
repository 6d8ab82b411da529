import type { Clock } from '../../base/clock.ts'
import { checkOptions, clockOption, type OptionTable, randomOption, withDefaults } from '../../base/option-table.ts'
import type { Random } from '../../base/random.ts'
import { isSameAddress, type ServiceInstance } from '../../instance/instance.ts'
import type { Outcome } from '../../instance/outcome.ts'
import { type Balancer, distinctById, type PickRequest } from '../balancer.ts'
import { PeakEwmaBalancer } from '../load-aware/peak-ewma.ts'
import { TypicalLatency } from '../load-aware/typical-latency.ts'
import { WeightedSample } from '../load-aware/weighted-sample.ts'
import { pickable } from '../pickable.ts'
import { httpLoadProbe } from './load-probe.ts'
import { type ProbingOptions, probingTable } from './options.ts'
import { type ProbeOutcome, Prober } from './prober.ts'
import { ResultPool } from './result-pool.ts'

/** Options of a `ProbingBalancer`. */
export interface ProbingBalancerOptions extends ProbingOptions {
  /** Called when probes begin or cease to decide, with the reason. @default undefined */
  readonly onChange?: ((state: ProbingState) => void) | undefined
  /** Source of time. @default systemClock */
  readonly clock?: Clock | undefined
  /** Source of random numbers in [0, 1). @default Math.random */
  readonly random?: Random | undefined
}

/** Whether probes decide, and why or why not. */
export interface ProbingState {
  /** False: picks are those of peak EWMA. */
  readonly active: boolean
  /** For people. */
  readonly reason: string
}

/** What may be said of the balancer. */
export const probingBalancerTable: OptionTable<ProbingBalancerOptions, 'probe' | 'onChange'> = {
  ...probingTable,
  onChange: { legal: 'function', check: probingTable.probe.check },
  clock: clockOption(),
  random: randomOption(),
}

/** So many probes in a row without a result, and peak EWMA decides. */
const failuresToFallBack = 12
/** Part of the time of calls that probes may take. */
const costShare = 0.01
/** Probes are sent at a random time within this part of the time for which they are fresh. */
const jitter = 0.1
/** How long a call waits for probes before any response has said what is usual. */
const coldWaitMs = 10
/** Part of a usual latency for which what was reported holds. */
const freshFor = 0.25
/** Results that a choice needs. */
const fewest = 2
/** How often the instances of a small pool are reused more than is needed (δ of Prequal). */
const surplus = 1

/**
 * Asks a few random instances for their load, and picks by what they said: the instance that is not hot (by requests in
 * flight) and would answer soonest. So a client that knows nothing by itself, since it has few calls, avoids slow and busy
 * instances as well as one that knows all.
 *
 * - Probes are sent after calls, at most `probesPerCall` for each, at random times, and none without calls. Results are
 *   used as often as it takes until others come, and removed when they are old; see `ResultPool`.
 * - A call whose results are older than a usual latency may wait for its own probes: at most a tenth of that latency, and
 *   not at all where probes take longer (`prepare`). Picks without that wait use what there is.
 * - Targets of probes are drawn by weight, and requests in flight count for the weight.
 * - An instance that answers without a report counts as a typical one; one whose probe fails as a hot and slow one.
 * - Without any result, picks are those of peak EWMA, which learns from responses all the time.
 *
 * A pick allocates nothing, except a number of `random` where two are equally good. Source: see `ResultPool`; the wait is its
 * synchronous mode.
 */
export class ProbingBalancer implements Balancer {
  /** False: `hashKey` has no effect. */
  readonly heedsHashKey: boolean = false
  readonly #fallback: PeakEwmaBalancer
  readonly #settings: ReturnType<typeof settingsOf>
  readonly #sample: WeightedSample
  readonly #pool: ResultPool
  readonly #prober: Prober
  readonly #typical = new TypicalLatency()
  #instances: readonly ServiceInstance[] = []
  #startedAtMs = Number.NEGATIVE_INFINITY
  #state: ProbingState = { active: false, reason: 'no probe has answered yet' }

  /** @throws InvalidOptionError */
  constructor(options: ProbingBalancerOptions = {}) {
    checkOptions('ProbingBalancer', options, probingBalancerTable)
    const settings = settingsOf(options)
    const { clock, random, path, probe = httpLoadProbe(path), timeoutMs, probesPerCall } = settings
    this.#settings = settings
    this.#fallback = new PeakEwmaBalancer({ clock, random })
    this.#sample = new WeightedSample(random, Math.max(2, Math.ceil(probesPerCall)))
    this.#pool = new ResultPool(settings)
    this.#prober = new Prober({
      probe,
      clock,
      random,
      timeoutMs,
      probesPerCall,
      choose: (count) => this.#choose(count),
      onResult: (instance, outcome) => this.#take(instance, outcome),
    })
  }

  get [Symbol.toStringTag](): string {
    return 'ProbingBalancer'
  }

  /** Whether probes decide, and why or why not. */
  get probing(): ProbingState {
    return this.#state
  }

  /** Replaces the candidates; results of those that remain are kept. */
  update(candidates: readonly ServiceInstance[], resting: readonly ServiceInstance[] = []): void {
    this.#fallback.update(candidates, resting)
    this.#instances = pickable(distinctById(candidates))
    this.#sample.update(this.#instances.map(({ weight }) => weight))
    const known = this.#pool.results.splice(0)
    for (const result of known) {
      const slot = this.#slotOf(result.instance)
      const instance = this.#instances[slot]
      if (instance !== undefined) this.#pool.add({ ...result, instance, weight: this.#sample.weights[slot] ?? 1 })
    }
  }

  /** Probes for a call, where there is no fresh result and it is worth the wait. */
  prepare(): Promise<void> | undefined {
    if (this.#instances.length < fewest || !this.#mayWait) return undefined
    if (this.#pool.hasYounger(fewest, this.#freshMs, this.#settings.clock.now())) return undefined
    return this.#prober.sendNow(this.#waitMs)
  }

  /** Picks the best of what probes said, or as peak EWMA does. */
  pick(request?: PickRequest): ServiceInstance | undefined {
    if (this.#instances.length < fewest) return this.#fallback.pick(request)
    const nowMs = this.#settings.clock.now()
    this.#pool.expire(nowMs)
    if (!this.#state.active || this.#pool.results.length < fewest) return this.#fallback.pick(request)
    this.#pool.isComplete = this.#pool.results.length === this.#instances.length
    const best = this.#pool.best(nowMs - this.#freshMs, this.#typical.ms, request?.avoid)
    return best?.instance ?? this.#fallback.pick(request)
  }

  /** Counts a request in flight on `instance`, uses up what is known of it, and pays for probes. */
  started(instance: ServiceInstance): void {
    this.#fallback.started(instance)
    this.#pool.use(instance)
    this.#prober.deposit(this.#probesForCall, this.#isFailing)
    const nowMs = this.#settings.clock.now()
    // After a pause of calls, what is asked now is old at the next one, which can ask for itself.
    if (nowMs - this.#startedAtMs <= this.#freshMs || !this.#mayWait) this.#prober.sendSoon(this.#freshMs * jitter)
    this.#startedAtMs = nowMs
  }

  /** Ends a request in flight on `instance`. */
  finished(instance: ServiceInstance, outcome: Outcome): void {
    this.#fallback.finished(instance, outcome)
    if (outcome.ok && outcome.latencyMs >= 0 && outcome.latencyMs < 1e9) this.#typical.observe(outcome.latencyMs)
  }

  /** Ends the probes. Picks are then those of peak EWMA. */
  close(): void {
    this.#prober.close()
    this.#pool.forget(() => true)
  }

  /** A result says something of the load for about as long as a request takes. */
  get #freshMs(): number {
    return Math.min(this.#settings.maxAgeMs, Math.max(1, freshFor * this.#typical.ms))
  }

  /** How long a call may wait. */
  get #waitMs(): number {
    const { waitRatio } = this.#settings
    return this.#typical.ms === 0 ? Math.ceil(waitRatio) * coldWaitMs : waitRatio * this.#typical.ms
  }

  /** Whether probes are worth a wait. */
  get #mayWait(): boolean {
    return this.#waitMs > 0 && this.#prober.roundTripMs <= this.#waitMs && !this.#isFailing
  }

  get #isFailing(): boolean {
    return this.#prober.failures >= failuresToFallBack
  }

  get #probesForCall(): number {
    const { costMs, probesPerCall } = this.#settings
    if (this.#typical.ms === 0 || costMs === 0) return probesPerCall
    return Math.min(probesPerCall, (costShare * this.#typical.ms) / costMs)
  }

  #choose(count: number): ServiceInstance[] {
    if (this.#instances.length === 0) return []
    const sampled = this.#sample.others(this.#sample.first())
    return Array.from(this.#sample.slots.subarray(0, Math.min(count, sampled)), (slot) => this.#instances[slot]).filter(
      (instance) => instance !== undefined,
    )
  }

  #take(asked: ServiceInstance, outcome: ProbeOutcome): void {
    const slot = this.#slotOf(asked)
    // As it is listed now: it may have another weight or other metadata than when it was asked.
    const instance = this.#instances[slot]
    if (instance !== undefined) {
      const weight = this.#sample.weights[slot] ?? 1
      const { inFlight, latencyMs } = this.#report(outcome, weight)
      const atMs = this.#settings.clock.now()
      this.#pool.add({ instance, weight, inFlight, latencyMs, atMs, sent: 0, usesLeft: this.#uses() })
    }
    if (this.#isFailing) this.#become(false, `${failuresToFallBack} probes in a row had no result`)
    else if (typeof outcome === 'object') this.#become(true, 'instances report their load')
  }

  #report(outcome: ProbeOutcome, weight: number): { readonly inFlight: number; readonly latencyMs: number } {
    const { hotAbove } = this.#pool
    const usual = Number.isFinite(hotAbove) ? hotAbove * weight : 0
    if (outcome === 'failed') return { inFlight: usual + weight, latencyMs: 2 * this.#typical.ms }
    if (outcome === 'silent') return { inFlight: usual / 2, latencyMs: this.#typical.ms }
    this.#pool.report(outcome.inFlight / weight)
    return { inFlight: outcome.inFlight, latencyMs: outcome.latencyMs ?? this.#typical.ms }
  }

  /** How often a result is used: so that the pool lasts from one probe to the next (b_reuse of Prequal). */
  #uses(): number {
    const { poolSize, random } = this.#settings
    const perCall = this.#probesForCall
    const gained = (1 - Math.min(poolSize, this.#instances.length - 1) / this.#instances.length) * perCall - 1
    const uses = gained > 0 ? Math.max(1, (1 + surplus) / gained) : poolSize
    return Math.floor(Math.min(uses, poolSize)) + (random() < uses % 1 ? 1 : 0)
  }

  #slotOf(instance: ServiceInstance): number {
    return this.#instances.findIndex((each) => each.id === instance.id && isSameAddress(each, instance))
  }

  #become(active: boolean, reason: string): void {
    if (this.#state.reason === reason) return
    this.#state = { active, reason }
    this.#settings.onChange?.(this.#state)
  }
}

function settingsOf(options: ProbingBalancerOptions) {
  return { ...withDefaults(options, probingBalancerTable), onChange: options.onChange, probe: options.probe }
}
