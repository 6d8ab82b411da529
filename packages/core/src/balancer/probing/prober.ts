import { runInBackground } from '../../base/background-context.ts'
import type { CancelTimer, Clock } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import { timeLimited } from '../../base/time-limit.ts'
import type { ServiceInstance } from '../../instance/instance.ts'
import { type LoadProbe, type LoadProbeResult, loadProbeResult } from './load-probe.ts'

/** What became of a probe. `silent`: the instance answers, but does not report its load. */
export type ProbeOutcome = LoadProbeResult | 'silent' | 'failed'

export interface ProberOptions {
  readonly probe: LoadProbe
  readonly clock: Clock
  readonly random: Random
  readonly timeoutMs: number
  readonly probesPerCall: number
  /** Chooses up to so many instances to ask. */
  readonly choose: (count: number) => readonly ServiceInstance[]
  readonly onResult: (instance: ServiceInstance, outcome: ProbeOutcome) => void
}

/** Calls whose probes may be sent together, after a pause of calls. */
const burstCalls = 2
/** Share of the probes that is still sent while all fail. */
const whileFailing = 0.1
/** How much the last round trip counts. */
const share = 1 / 8

/**
 * Sends probes: for each call at most so many, none without calls, none twice to an instance at once. A call may wait for
 * those that it causes; else they are sent a little later, at a random time, so that many clients do not ask together.
 *
 * Source: Prequal, asynchronous and synchronous mode; see `ResultPool`.
 */
export class Prober {
  readonly #options: ProberOptions
  readonly #inFlight = new Map<string, Promise<void>>()
  readonly #closed = new AbortController()
  /** What is paid for. The first call may send its probes at once. */
  #credit: number
  #cancelTimer: CancelTimer | undefined
  /** Probes in a row that failed, or had nothing to say. */
  failures = 0
  /** Usual time that a probe takes; 0 before the first. */
  roundTripMs = 0

  constructor(options: ProberOptions) {
    this.#options = options
    this.#credit = options.probesPerCall
  }

  get isClosed(): boolean {
    return this.#closed.signal.aborted
  }

  /** A call pays for `probes`, of which a part is sent while all fail. */
  deposit(probes: number, isFailing: boolean): void {
    const most = burstCalls * Math.max(1, this.#options.probesPerCall)
    this.#credit = Math.min(most, this.#credit + probes * (isFailing ? whileFailing : 1))
  }

  /** Sends what is paid for within `delayMs`. */
  sendSoon(delayMs: number): void {
    if (this.#cancelTimer !== undefined || this.#credit < 1 || this.isClosed) return
    const { clock, random } = this.#options
    runInBackground(() => {
      this.#cancelTimer = clock.setTimeout(
        () => {
          this.#cancelTimer = undefined
          this.#send()
        },
        delayMs * random(),
        { background: true },
      )
    })
  }

  /** Sends what is paid for; resolves when all that are in flight have ended, or after `limitMs`. `undefined`: there is none. */
  sendNow(limitMs: number): Promise<void> | undefined {
    if (this.isClosed) return undefined
    runInBackground(() => this.#send())
    if (this.#inFlight.size === 0) return undefined
    const { clock } = this.#options
    return new Promise((resolve) => {
      const cancel = clock.setTimeout(resolve, limitMs)
      void Promise.all(this.#inFlight.values()).then(() => {
        cancel()
        resolve()
      })
    })
  }

  close(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#closed.abort()
  }

  #send(): void {
    const count = Math.floor(this.#credit)
    if (count < 1 || this.isClosed) return
    for (const instance of this.#options.choose(count)) {
      if (this.#inFlight.has(instance.id)) continue
      this.#credit--
      this.#inFlight.set(instance.id, this.#ask(instance))
    }
  }

  async #ask(instance: ServiceInstance): Promise<void> {
    const { clock, onResult, probe, timeoutMs } = this.#options
    const sentAtMs = clock.now()
    let outcome: ProbeOutcome = 'failed'
    try {
      const limit = { clock, limitMs: timeoutMs, signals: [this.#closed.signal], background: true }
      const answer = await timeLimited(limit, (signal) => probe(instance, { signal }))
      outcome = loadProbeResult(answer) ?? 'silent'
    } catch {
      // Whatever it was: the balancer goes on without this result.
    }
    this.#inFlight.delete(instance.id)
    if (this.isClosed) return
    if (typeof outcome === 'object') {
      const tookMs = clock.now() - sentAtMs
      this.roundTripMs += (tookMs - this.roundTripMs) * (this.roundTripMs === 0 ? 1 : share)
      this.failures = 0
    } else {
      this.failures++
    }
    onResult(instance, outcome)
  }
}
