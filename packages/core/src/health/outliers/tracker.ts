import { jittered } from '../../base/random.ts'
import type { ConnectFailure } from '../../retry/failure-kind.ts'
import type { Ejection, EjectionReason, ReturnedBy, UnenforcedBecause } from './ejection.ts'
import { FailureRuns, inARow } from './failure-runs.ts'
import type { TrackerHost } from './tracker-host.ts'
import { gone, inUse, type OutOfUse, type TrackerState } from './tracker-state.ts'

/** A quick ejection lasts at most this part of the outage so far, so the instance is back within an eighth more of it. */
const partOfOutage = 8

/**
 * What is known of one instance by the outcome of its requests, and whether it may take any:
 *
 *     in ──too many failures──▶ ejected ──time over──▶ half-open ──probe succeeded──▶ in
 *                                  ▲                       └───────probe failed──────┐
 *                                  └───────────────────longer than before───────────┘
 *
 * Connect errors and server errors are runs of their own, as in Envoy with the origins split: a success ends both, and
 * neither ends the other, so an instance that fails in turns is found too. A run without a new failure for `intervalMs`
 * is forgotten. Nothing that is recorded while the instance is out counts: those requests were sent before, only the
 * probe decides, by the head of its answer. As long as it takes, it keeps its place, and that says nothing. Coming back,
 * the instance starts with nothing counted.
 *
 * After connections that failed at once, ejections are short, since a probe costs next to nothing: `connectBaseEjectionMs`
 * at first, then an eighth of the outage. All others are `baseEjectionMs` × how often it was ejected lately.
 *
 * Lean: a timer only while ejected, and nothing is allocated but when the state changes.
 */
export class OutlierTracker {
  /** The id of the instance. */
  readonly id: string
  readonly #host: TrackerHost<OutlierTracker>
  #state: TrackerState = inUse
  #requests = 0
  #failures = 0
  /** Since it came in; most instances never have any. */
  #runs: FailureRuns | undefined
  #sinceMs: number
  #connectFailure: ConnectFailure = 'connect'
  #times = 0
  /** Since when no detector had anything to object; `undefined`: since it came in. */
  #healthySinceMs: number | undefined
  /** When an ejection that was not enforced was last emitted. */
  #emittedMs: number | undefined

  /** For `OutlierDetector.track`. */
  constructor(id: string, host: TrackerHost<OutlierTracker>) {
    this.id = id
    this.#host = host
    this.#sinceMs = host.clock.now()
  }

  /** `half-open`: the ejection is over, and one probe may go or is out. A tracker that was untracked is `in`. */
  get state(): 'in' | 'ejected' | 'half-open' {
    return this.#state.kind === 'gone' ? 'in' : this.#state.kind
  }

  /** The current one, while ejected or half-open. */
  get ejection(): Ejection | undefined {
    return this.#out?.ejection
  }

  /** Reading of the clock at the last change of state. */
  get sinceMs(): number {
    return this.#sinceMs
  }

  /**
   * Multiplier of the last ejection, less 1 for each `intervalMs` in use since in which no detector objected. It does
   * not grow beyond what `maxEjectionMs` lets it do, so that it falls again in reasonable time.
   */
  get timesEjected(): number {
    if (this.#state.kind !== 'in') return this.#times
    const { clock, settings } = this.#host
    const healthyMs = clock.now() - (this.#healthySinceMs ?? this.#sinceMs)
    return Math.max(0, this.#times - Math.floor(healthyMs / settings.intervalMs))
  }

  /** Whether what took it out was a refused connection: a request that fails so again was provably not sent. */
  get refused(): boolean {
    return this.#out?.quick === true && this.#connectFailure === 'refused'
  }

  /** Whether it says no more than a new one would. */
  get isBlank(): boolean {
    const hasCount = this.#requests > 0 || this.#runs !== undefined || this.#emittedMs !== undefined
    // One that is out was ejected at least once.
    return !hasCount && this.#times === 0
  }

  /** Requests counted in the current window. */
  get requests(): number {
    return this.#requests
  }

  /** Those of them that failed. */
  get failures(): number {
    return this.#failures
  }

  /** A request ended well. Hot: no clock, no allocation. */
  succeeded(): void {
    this.answered()
    this.completed()
  }

  /** The head of a good answer is there: `completed` or `broke` says how the rest went. Hot. */
  answered(): void {
    if (this.#state !== inUse) return
    this.#runs?.answered()
    if (this.#requests++ === 0) this.#host.counted()
  }

  /** A good answer ended well. Hot. */
  completed(): void {
    this.#runs?.completed()
  }

  /** A good answer broke off after its head. May eject the instance. */
  broke(failure: ConnectFailure): void {
    if (this.#state !== inUse) return
    // The request was counted with its head, perhaps in the window before.
    this.#host.counted()
    this.#failures++
    this.#requests = Math.max(this.#requests, this.#failures)
    const { clock, settings } = this.#host
    this.#runs ??= new FailureRuns()
    this.#connectFailed(this.#runs.broke(clock.now(), settings.intervalMs), failure)
  }

  /** A request failed: no connection, or an answer of 5xx. May eject the instance. */
  failed(failure: ConnectFailure | 'server'): void {
    if (this.#state !== inUse) return
    this.#failures++
    if (this.#requests++ === 0) this.#host.counted()
    const { clock, settings } = this.#host
    this.#runs ??= new FailureRuns()
    if (failure !== 'server') {
      this.#connectFailed(this.#runs.connectFailed(clock.now(), settings.intervalMs), failure)
      return
    }
    const run = this.#runs.serverFailed(clock.now(), settings.intervalMs)
    if (run >= settings.consecutiveServerErrors) this.#eject('consecutive-server-errors', inARow(run, 'server error'))
  }

  /**
   * Ejects at once, within the caps. True when it did; false also when the instance is out already.
   *
   * @param detail for people: why
   */
  suspect(reason: 'no-answer' | 'failure-percentage' | 'success-rate', detail: string): boolean {
    return this.#state.kind === 'in' && this.#eject(reason, detail)
  }

  /** Takes the one probe: true only when half-open and no probe is out. */
  tryProbe(): boolean {
    const state = this.#state
    if (state.kind !== 'half-open' || state.probing) return false
    state.probing = true
    return true
  }

  /**
   * The probe that is out ended; without one nothing happens. `unknown`, when the caller went away: another may be
   * taken.
   *
   * @param ejection `ejection` as it was when the probe was taken: the end of a probe that was given up on must not be
   * taken for that of the next one. But a good end brings the instance back all the same, as long as nothing else took
   * it out since.
   * @param failure how the connection failed, if that is what failed
   */
  endProbe(result: 'succeeded' | 'failed' | 'unknown', ejection?: Ejection, failure?: ConnectFailure): void {
    const out = this.#out
    if (out === undefined) return
    if (result === 'succeeded' && ejection !== undefined && ejection === out.silentProbe) {
      this.#comeBack(out, 'probe')
      return
    }
    if (!out.probing || (ejection !== undefined && ejection !== out.ejection)) return
    out.probing = false
    if (result === 'succeeded') this.#comeBack(out, 'probe')
    else if (result === 'failed') this.#failProbe(out, 'the probe failed', failure)
  }

  /** The probe that is out gets no answer, while others do: it failed, unless its answer comes all the same. */
  giveUpProbe(detail: string): void {
    const out = this.#out
    if (out === undefined || !out.probing) return
    this.#failProbe(out, detail, 'connect')
    const next = this.#out
    if (next !== undefined) next.silentProbe = out.ejection
  }

  /** Back at once from ejected or half-open, with nothing counted: an active health check passed, or as `by` says. */
  uneject(by: Exclude<ReturnedBy, 'probe'> = 'active-check'): void {
    const out = this.#out
    if (out !== undefined) this.#comeBack(out, by)
  }

  /** For the detector, at the end of a window. */
  clearWindow(): void {
    this.#requests = 0
    this.#failures = 0
  }

  /** For `OutlierDetector.untrack`: from now on nothing happens here. */
  detach(): void {
    this.#out?.cancelTimer()
    this.#state = gone
    this.#countNothing()
  }

  #countNothing(): void {
    this.clearWindow()
    this.#runs = undefined
  }

  get #out(): OutOfUse | undefined {
    return 'ejection' in this.#state ? this.#state : undefined
  }

  #connectFailed(run: number, failure: ConnectFailure): void {
    this.#connectFailure = failure
    if (run < this.#host.settings.consecutiveConnectErrors) return
    this.#eject('consecutive-connect-errors', inARow(run, 'connect error'))
  }

  #eject(reason: EjectionReason, detail: string): boolean {
    const obstacle = this.#host.obstacle()
    if (obstacle === undefined) {
      const quick = reason === 'consecutive-connect-errors' && this.#connectFailure !== 'connect'
      this.#goOut(reason, detail, quick, this.#host.clock.now())
    } else {
      this.#stayIn(reason, detail, obstacle)
    }
    return obstacle === undefined
  }

  #goOut(reason: EjectionReason, detail: string, quick: boolean, outSinceMs: number): void {
    const { clock, random, settings, listener } = this.#host
    const { baseEjectionMs, maxEjectionMs, jitter } = settings
    // A failed probe lengthens a quick ejection by the outage alone.
    if (!quick || reason !== 'failed-probe') {
      this.#times = Math.min(this.timesEjected + 1, Math.ceil(maxEjectionMs / baseEjectionMs))
    }
    const lengthMs = quick ? this.#quickMs(outSinceMs) : baseEjectionMs * this.#times
    const forMs = jittered(Math.min(lengthMs, maxEjectionMs), jitter, random)
    this.#out?.cancelTimer()
    this.#sinceMs = clock.now()
    const ejection = Object.freeze({ id: this.id, reason, detail, enforced: true, forMs, times: this.#times })
    const cancelTimer = clock.setTimeout(() => this.#openHalf(), forMs, { background: true })
    this.#state = { kind: 'ejected', ejection, outSinceMs, quick, probing: false, silentProbe: undefined, cancelTimer }
    this.#countNothing()
    this.#host.wentOut(this)
    listener?.ejected(ejection)
  }

  #quickMs(outSinceMs: number): number {
    const { clock, settings } = this.#host
    return Math.max(settings.connectBaseEjectionMs * this.#times, (clock.now() - outSinceMs) / partOfOutage)
  }

  /** Runs go on counting, so that the next failure ejects once there is room. */
  #stayIn(reason: EjectionReason, detail: string, unenforcedBecause: UnenforcedBecause): void {
    const { clock, settings, listener } = this.#host
    const nowMs = clock.now()
    const times = this.timesEjected
    this.#times = times
    this.#healthySinceMs = nowMs
    if (this.#emittedMs !== undefined && nowMs - this.#emittedMs < settings.intervalMs) return
    this.#emittedMs = nowMs
    const { id } = this
    listener?.ejected(Object.freeze({ id, reason, detail, enforced: false, unenforcedBecause, forMs: 0, times }))
  }

  #openHalf(): void {
    const out = this.#out
    if (out === undefined) return
    this.#state = { ...out, kind: 'half-open', probing: false }
    this.#sinceMs = this.#host.clock.now()
    this.#host.listener?.halfOpen(this.id)
  }

  #failProbe(out: OutOfUse, detail: string, failure: ConnectFailure | undefined): void {
    if (failure !== undefined) this.#connectFailure = failure
    // A 5xx of an instance that refused before is one that starts.
    const quick = failure === undefined ? out.quick : failure !== 'connect'
    // It is out already: neither the cap nor the last usable instance is touched.
    this.#goOut('failed-probe', detail, quick, out.outSinceMs)
  }

  #comeBack(out: OutOfUse, by: ReturnedBy): void {
    out.cancelTimer()
    this.#state = inUse
    this.#sinceMs = this.#host.clock.now()
    this.#healthySinceMs = this.#sinceMs
    this.#host.cameBack(this)
    this.#host.listener?.returned(this.id, by)
  }
}
