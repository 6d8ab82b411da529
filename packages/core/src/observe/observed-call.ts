import type { Clock } from '../base/clock.ts'
import { onLateRejection } from '../base/late-rejection.ts'
import { hasMethod } from '../base/option-checks.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import type { Outcome } from '../instance/outcome.ts'
import type { AttemptInfo, AttemptObservation, CallObservation, CallResult } from './call-observer.ts'
import type { EventChannel } from './event-channel.ts'
import type { OpenCall, OpenCalls } from './open-calls.ts'
import { type RunningObservation, runObserved } from './run-observed.ts'

/** What a call and its observers share. */
export interface ObservedCallOptions {
  readonly service: string
  readonly call: number
  readonly clock: Clock
  readonly events: EventChannel
  readonly observations: readonly CallObservation[]
  /** The observed calls of which something is in flight, or waits. */
  readonly open: OpenCalls<ObservedCall>
}

/** What a call came to. */
type CallEnd = Pick<CallResult, 'result' | 'statusCode' | 'error'>

/** A call that is observed, or listened to: what is counted of it, until nothing of it is in flight any more. */
export class ObservedCall implements OpenCall {
  readonly call: number
  place = -1
  readonly #options: ObservedCallOptions
  readonly #startedAtMs: number
  #durationMs: number | undefined
  /** Of the response whose head is there. */
  #statusCode: number | undefined
  #queuedMs = 0
  #waitsSinceMs: number | undefined
  #attempts = 0
  #retries = 0
  #hedges = 0
  #inFlight = 0
  /** Its result, once there is one: the outcome of an attempt, whenever that comes, or an end that no attempt says. */
  #decisive: ObservedAttempt | CallEnd | undefined
  /** The attempt that ended last. */
  #last: ObservedAttempt | undefined
  /** Whether its end was emitted. */
  #emitted = false

  constructor(options: ObservedCallOptions) {
    this.call = options.call
    this.#options = options
    this.#startedAtMs = options.clock.now()
    options.open.add(this)
  }

  /** How many began. */
  get attempts(): number {
    return this.#attempts
  }

  startAttempt(instance: ServiceInstance, kind: AttemptInfo['kind']): ObservedAttempt {
    this.#attempts++
    this.#inFlight++
    if (kind === 'retry') this.#retries++
    else if (kind === 'hedge') this.#hedges++
    const { observations } = this.#options
    const info: AttemptInfo = { instance, number: this.#attempts, kind }
    const attempts: AttemptObservation[] = []
    const running: RunningObservation[] = []
    for (const observation of observations) {
      this.keep(attempts, 'end', () => {
        const given = observation.startAttempt(info)
        if (given !== undefined && runsAttempt(given)) running.push(given)
        return given
      })
    }
    return new ObservedAttempt(this, attempts, running)
  }

  /** It waits for a list, or for room, until `waited` settles. */
  waits(waited: Promise<unknown>): void {
    const { clock } = this.#options
    this.#waitsSinceMs = clock.now()
    const goOn = (): void => {
      this.#queuedMs += this.#waitedMs
      this.#waitsSinceMs = undefined
    }
    waited.then(goOn, goOn)
  }

  /** Its result is known, such as the head of its response. */
  answered(statusCode?: number): void {
    this.#durationMs ??= this.#elapsedMs
    this.#statusCode ??= statusCode
  }

  /** Its result is the outcome of `attempt`, whenever that comes. */
  decidedBy(attempt: ObservedAttempt | undefined): void {
    this.#decisive = attempt
    this.#endIfOver()
  }

  /** It threw `error`, unless it has its result. `cancelled`: its caller gave it up. */
  threw(error: unknown, cancelled: boolean): void {
    this.ended({ ok: false, latencyMs: 0, cancelled, error })
  }

  /** Its result is `outcome`, unless it has one. */
  ended(outcome: Outcome): void {
    if (this.#decisive !== undefined) return
    this.answered(outcome.statusCode)
    const end = endOf(outcome)
    this.#decisive = end.result === 'failed' && this.#attempts === 0 ? { ...end, result: 'refused' } : end
    this.#endIfOver()
  }

  /** The load balancer is closed: emits what is known now, as no event comes later. Its observers get the end when it is there. */
  lbClosed(error: Error): void {
    const sent = this.#attempts > 0
    const statusCode = this.#statusCode
    const cut: CallEnd = {
      result: sent ? 'cancelled' : 'refused',
      error,
      ...(statusCode === undefined ? undefined : { statusCode }),
    }
    // One that waits for a retry ends with what it has.
    this.#emit(this.#resultOf(sent && this.#inFlight === 0 ? endOf(this.#last?.outcome) : cut))
  }

  /** `attempt` has its outcome. */
  attemptEnded(attempt: ObservedAttempt): void {
    this.#last = attempt
    this.#inFlight--
    this.#endIfOver()
  }

  /** Adds to `kept` what an observer starts, which has `method`. */
  keep<T extends object>(kept: T[], method: keyof T & string, start: () => T | undefined): void {
    this.contain(() => {
      const given = start()
      if (given === undefined) return
      if (hasMethod(given, method)) {
        kept.push(given)
        return
      }
      this.#failsLate(given)
      throw new TypeError(`the observer must give undefined, or an object with ${method}`)
    })
  }

  /** Runs code of an observer. */
  contain(step: () => unknown): void {
    try {
      const result = step()
      if (result !== undefined) this.#failsLate(result)
    } catch (error) {
      this.observerFailed(error)
    }
  }

  observerFailed(error: unknown): void {
    const { events, service } = this.#options
    events.callbackFailed(service, 'observer', error)
  }

  get service(): string {
    return this.#options.service
  }

  /** An observer may be asynchronous although it is not to be. */
  #failsLate(result: unknown): void {
    onLateRejection(result, (error) => this.observerFailed(error))
  }

  get #elapsedMs(): number {
    return this.#options.clock.now() - this.#startedAtMs
  }

  #endIfOver(): void {
    const decisive = this.#decisive
    if (this.#inFlight > 0 || decisive === undefined) return
    const { observations, open } = this.#options
    open.delete(this)
    const result = this.#resultOf(decisive instanceof ObservedAttempt ? endOf(decisive.outcome) : decisive)
    for (const observation of observations) this.contain(() => observation.end(result))
    this.#emit(result)
  }

  #resultOf(end: CallEnd): CallResult {
    const inFlightMs = this.#elapsedMs
    return {
      durationMs: this.#durationMs ?? inFlightMs,
      inFlightMs,
      queuedMs: this.#queuedMs + this.#waitedMs,
      attempts: this.#attempts,
      retries: this.#retries,
      hedges: this.#hedges,
      ...end,
    }
  }

  #emit(result: CallResult): void {
    const { events, service } = this.#options
    if (this.#emitted) return
    this.#emitted = true
    if (events.active) events.emit({ type: 'call-finished', service, call: this.call, ...result })
  }

  /** How long it has waited in the wait that it is in. */
  get #waitedMs(): number {
    return this.#waitsSinceMs === undefined ? 0 : this.#options.clock.now() - this.#waitsSinceMs
  }
}

/** One attempt of a call that is observed, or listened to. */
export class ObservedAttempt {
  /** How it ended, once it has. */
  outcome: Outcome | undefined
  readonly #call: ObservedCall
  readonly #observations: readonly AttemptObservation[]
  readonly #running: readonly RunningObservation[]

  constructor(call: ObservedCall, observations: readonly AttemptObservation[], running: readonly RunningObservation[]) {
    this.#call = call
    this.#observations = observations
    this.#running = running
  }

  get call(): number {
    return this.#call.call
  }

  /** Runs `attempt` within every observer that runs attempts. */
  run<T>(attempt: () => T): T {
    if (this.#running.length === 0) return attempt()
    const failed = (error: unknown): void => this.#call.observerFailed(error)
    return this.#running.reduceRight((inner, observation) => () => runObserved(observation, inner, failed), attempt)()
  }

  /** The head of the response that is the call's is there. */
  answered({ statusCode }: Outcome): void {
    this.#call.answered(statusCode)
  }

  /** Only once. */
  end(outcome: Outcome): void {
    this.outcome = outcome
    for (const observation of this.#observations) this.#call.contain(() => observation.end(outcome))
    this.#call.attemptEnded(this)
  }
}

function runsAttempt(observation: AttemptObservation): observation is AttemptObservation & RunningObservation {
  return hasMethod(observation, 'run')
}

function endOf(outcome: Outcome | undefined): CallEnd {
  if (outcome === undefined) return { result: 'failed' }
  const { ok, cancelled, statusCode, error } = outcome
  const failed = cancelled === true ? 'cancelled' : 'failed'
  return {
    result: ok ? 'ok' : failed,
    ...(statusCode === undefined ? undefined : { statusCode }),
    ...(error === undefined ? undefined : { error }),
  }
}
