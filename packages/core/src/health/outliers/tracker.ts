import type { CancelTimer, Clock } from '../../base/clock.ts'
import { jittered, type Random } from '../../base/random.ts'
import type { ConnectFailure } from '../../retry/failure-kind.ts'
import type { Ejection, EjectionReason, OutlierListener, ReturnedBy, UnenforcedBecause } from './ejection.ts'
import type { OutlierDetectionSettings } from './options.ts'

/** A quick ejection lasts at most this part of the outage so far, so the instance is back within an eighth more of it. */
const partOfOutage = 8

/** What a tracker needs of the detector it belongs to. */
export interface TrackerHost {
  readonly settings: OutlierDetectionSettings
  readonly clock: Clock
  readonly random: Random
  readonly listener: OutlierListener | undefined
  /** The first request of a tracker since its window ended. */
  counted(): void
  /** Why nobody more may be ejected now. */
  obstacle(): UnenforcedBecause | undefined
  wentOut(tracker: OutlierTracker): void
  cameBack(tracker: OutlierTracker): void
}

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
 * Lean, because there are many: plain numbers, and a timer only while ejected.
 */
export class OutlierTracker {
  /** The id of the instance. */
  readonly id: string
  readonly #host: TrackerHost
  #state: 'in' | 'ejected' | 'half-open' | 'gone' = 'in'
  #sinceMs: number
  #requests = 0
  #failures = 0
  #connectRun = 0
  #serverRun = 0
  /** Whether the run of connect errors is one of answers that broke off after their heads: no head ends it then. */
  #breaking = false
  #connectFailure: ConnectFailure = 'connect'
  #times = 0
  #probing = false
  // Undefined until needed: a number with a fraction costs memory of its own.
  #connectErrorMs: number | undefined
  #serverErrorMs: number | undefined
  /** Since when no detector had anything to object. */
  #healthySinceMs: number | undefined
  /** When an ejection that was not enforced was last told. */
  #toldMs: number | undefined
  #ejection: Ejection | undefined
  /** When it went out, whatever probes failed since. */
  #outSinceMs = 0
  /** Whether the ejection is one of the short ones. */
  #quick = false
  /** The ejection whose probe was given up on as silent: its answer may still come. */
  #silentProbe: Ejection | undefined
  #cancelTimer: CancelTimer | undefined

  /** For `OutlierDetector.track`. */
  constructor(id: string, host: TrackerHost) {
    this.id = id
    this.#host = host
    this.#sinceMs = host.clock.now()
  }

  /** `half-open`: the ejection is over, and one probe may go or is out. A tracker that was untracked is `in`. */
  get state(): 'in' | 'ejected' | 'half-open' {
    return this.#state === 'gone' ? 'in' : this.#state
  }

  /** The current one, while ejected or half-open. */
  get ejection(): Ejection | undefined {
    return this.#ejection
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
    if (this.#state !== 'in' || this.#times === 0) return this.#times
    const { clock, settings } = this.#host
    const healthyMs = clock.now() - (this.#healthySinceMs ?? this.#sinceMs)
    return Math.max(0, this.#times - Math.floor(healthyMs / settings.intervalMs))
  }

  /** Whether what took it out was a refused connection: a request that fails so again was provably not sent. */
  get refused(): boolean {
    return this.#state !== 'in' && this.#quick && this.#connectFailure === 'refused'
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

  /** The head of a good answer is there: `completed` or `broke` tells how the rest went. Hot. */
  answered(): void {
    if (this.#state !== 'in') return
    if (!this.#breaking) this.#connectRun = 0
    this.#serverRun = 0
    if (this.#requests++ === 0) this.#host.counted()
  }

  /** A good answer ended well. Hot. */
  completed(): void {
    if (this.#state !== 'in') return
    this.#connectRun = 0
    this.#breaking = false
  }

  /** A good answer broke off after its head. May eject the instance. */
  broke(failure: ConnectFailure): void {
    if (this.#state !== 'in') return
    if (!this.#breaking) this.#connectRun = 0
    this.#breaking = true
    // The request was counted with its head, perhaps in the window before.
    if (this.#requests === 0) this.#host.counted()
    this.#failures++
    this.#requests = Math.max(this.#requests, this.#failures)
    this.#connectFailed(failure)
  }

  /** A request failed: no connection, or an answer of 5xx. May eject the instance. */
  failed(failure: ConnectFailure | 'server'): void {
    if (this.#state !== 'in') return
    this.#failures++
    if (this.#requests++ === 0) this.#host.counted()
    if (failure !== 'server') {
      this.#breaking = false
      this.#connectFailed(failure)
      return
    }
    const { clock, settings } = this.#host
    const nowMs = clock.now()
    this.#serverRun = this.#isRecent(this.#serverErrorMs, nowMs) ? this.#serverRun + 1 : 1
    this.#serverErrorMs = nowMs
    if (this.#serverRun < settings.consecutiveServerErrors) return
    this.#eject('consecutive-server-errors', inARow(this.#serverRun, 'server error'))
  }

  /**
   * Ejects at once, within the caps. True when it did; false also when the instance is out already.
   *
   * @param detail for people: why
   */
  suspect(reason: 'no-answer' | 'failure-percentage' | 'success-rate', detail: string): boolean {
    return this.#state === 'in' && this.#eject(reason, detail)
  }

  /** Takes the one probe: true only when half-open and no probe is out. */
  tryProbe(): boolean {
    if (this.#state !== 'half-open' || this.#probing) return false
    this.#probing = true
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
    if (result === 'succeeded' && ejection !== undefined && ejection === this.#silentProbe) {
      this.#comeBack('probe')
      return
    }
    if (!this.#probing || (ejection !== undefined && ejection !== this.#ejection)) return
    this.#probing = false
    if (result === 'succeeded') this.#comeBack('probe')
    else if (result === 'failed') this.#failProbe('the probe failed', failure)
  }

  /** The probe that is out gets no answer, while others do: it failed, unless its answer comes all the same. */
  giveUpProbe(detail: string): void {
    if (!this.#probing) return
    this.#probing = false
    const probed = this.#ejection
    this.#failProbe(detail, 'connect')
    this.#silentProbe = probed
  }

  /** An active health check passed: back at once from ejected or half-open, with nothing counted. */
  uneject(by: 'active-check' | 'removed-cap' = 'active-check'): void {
    if (this.#state === 'ejected' || this.#state === 'half-open') this.#comeBack(by)
  }

  /** For the detector, at the end of a window. */
  clearWindow(): void {
    this.#requests = 0
    this.#failures = 0
  }

  /** For `OutlierDetector.untrack`: from now on nothing happens here. */
  detach(): void {
    this.#stopTimer()
    this.#ejection = undefined
    this.#silentProbe = undefined
    this.#probing = false
    this.#state = 'gone'
  }

  #connectFailed(failure: ConnectFailure): void {
    const { clock, settings } = this.#host
    const nowMs = clock.now()
    this.#connectRun = this.#isRecent(this.#connectErrorMs, nowMs) ? this.#connectRun + 1 : 1
    this.#connectErrorMs = nowMs
    this.#connectFailure = failure
    if (this.#connectRun < settings.consecutiveConnectErrors) return
    this.#eject('consecutive-connect-errors', inARow(this.#connectRun, 'connect error'))
  }

  #isRecent(failureMs: number | undefined, nowMs: number): boolean {
    return failureMs !== undefined && nowMs - failureMs <= this.#host.settings.intervalMs
  }

  #eject(reason: EjectionReason, detail: string): boolean {
    const obstacle = this.#host.obstacle()
    if (obstacle === undefined) {
      this.#outSinceMs = this.#host.clock.now()
      this.#goOut(reason, detail, reason === 'consecutive-connect-errors' && this.#connectFailure !== 'connect')
    } else {
      this.#stayIn(reason, detail, obstacle)
    }
    return obstacle === undefined
  }

  #goOut(reason: EjectionReason, detail: string, quick: boolean): void {
    const { clock, random, settings, listener } = this.#host
    const { baseEjectionMs, maxEjectionMs, jitter } = settings
    // A failed probe lengthens a quick ejection by the outage alone.
    if (!quick || reason !== 'failed-probe') {
      this.#times = Math.min(this.timesEjected + 1, Math.ceil(maxEjectionMs / baseEjectionMs))
    }
    this.#quick = quick
    this.#silentProbe = undefined
    const forMs = jittered(Math.min(this.#lengthMs, maxEjectionMs), jitter, random)
    this.#stopTimer()
    this.#enter('ejected')
    const ejection = Object.freeze({ id: this.id, reason, detail, enforced: true, forMs, times: this.#times })
    this.#ejection = ejection
    this.#cancelTimer = clock.setTimeout(() => this.#openHalf(), forMs, { background: true })
    this.#host.wentOut(this)
    listener?.ejected(ejection)
  }

  get #lengthMs(): number {
    const { clock, settings } = this.#host
    if (!this.#quick) return settings.baseEjectionMs * this.#times
    return Math.max(settings.connectBaseEjectionMs * this.#times, (clock.now() - this.#outSinceMs) / partOfOutage)
  }

  /** Runs go on counting, so that the next failure ejects once there is room. */
  #stayIn(reason: EjectionReason, detail: string, unenforcedBecause: UnenforcedBecause): void {
    const { clock, settings, listener } = this.#host
    const nowMs = clock.now()
    const times = this.timesEjected
    this.#times = times
    this.#healthySinceMs = nowMs
    if (this.#toldMs !== undefined && nowMs - this.#toldMs < settings.intervalMs) return
    this.#toldMs = nowMs
    listener?.ejected(
      Object.freeze({ id: this.id, reason, detail, enforced: false, unenforcedBecause, forMs: 0, times }),
    )
  }

  #openHalf(): void {
    this.#enter('half-open')
    this.#host.listener?.halfOpen(this.id)
  }

  #failProbe(detail: string, failure: ConnectFailure | undefined): void {
    if (failure !== undefined) this.#connectFailure = failure
    // A 5xx of an instance that refused before is one that starts.
    const quick = failure === undefined ? this.#quick : failure !== 'connect'
    // It is out already: neither the cap nor the last usable instance is touched.
    this.#goOut('failed-probe', detail, quick)
  }

  #comeBack(by: ReturnedBy): void {
    this.#stopTimer()
    this.#enter('in')
    this.#healthySinceMs = this.#sinceMs
    this.#ejection = undefined
    this.#silentProbe = undefined
    this.#host.cameBack(this)
    this.#host.listener?.returned(this.id, by)
  }

  #enter(state: 'in' | 'ejected' | 'half-open'): void {
    this.#state = state
    this.#sinceMs = this.#host.clock.now()
    this.#connectRun = 0
    this.#serverRun = 0
    this.#breaking = false
    this.#probing = false
    this.clearWindow()
  }

  #stopTimer(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }
}

function inARow(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'} in a row`
}
