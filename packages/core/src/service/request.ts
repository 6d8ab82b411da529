import { boundedLatencyMs } from '../base/latency.ts'
import type { RunningClock } from '../base/running-clock.ts'
import type { Ejection } from '../health/outliers/ejection.ts'
import { checkedOutcome } from '../instance/checked-outcome.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import type { Outcome } from '../instance/outcome.ts'
import type { EventChannel } from '../observe/event-channel.ts'
import type { ObservedAttempt } from '../observe/observed-call.ts'
import { type FailureMode, failureMode } from '../retry/failure-kind.ts'
import type { Capacity } from './capacity.ts'
import type { Feedback } from './feedback.ts'
import type { Picked } from './picker.ts'

/** An instance that counts a request in flight until `done` is called. */
export interface PickResult {
  /** The picked instance. */
  readonly instance: ServiceInstance
  /**
   * Reports how the request ended. Call it exactly once on every path; further calls are ignored. A `latencyMs` that is
   * not a finite number ≥ 0 counts as 0, and above an hour as an hour.
   */
  readonly done: (outcome: Outcome) => void
  /**
   * Reports, before `done`, that the response has begun although the request goes on, as a stream does: its latency and the
   * health of the instance count from now on. `done` is then called with the same `latencyMs`. Further calls are ignored.
   */
  readonly answered: (outcome: Outcome) => void
}

/** A request in flight on the instance that was picked for it, until its first outcome. */
export class Request implements PickResult {
  readonly instance: ServiceInstance
  readonly picked: Picked
  /** The ejection that this request tries. */
  readonly probed: Ejection | undefined
  /** The attempt that it is, if something observes its call. */
  observed: ObservedAttempt | undefined
  /** How long the process had stood when the request began. */
  readonly #stoodMs: number
  #requests: Requests | undefined
  /** Whether the head of an answer came before its end. */
  #answered = false

  constructor(picked: Picked, probed: Ejection | undefined, stoodMs: number, requests: Requests) {
    this.instance = picked.record.instance
    this.picked = picked
    this.probed = probed
    this.observed = undefined
    this.#stoodMs = stoodMs
    this.#requests = requests
  }

  // It may be taken out of the result.
  get done(): (outcome: Outcome) => void {
    return (outcome) => {
      const requests = this.#requests
      if (requests !== undefined) this.end(this.#withoutPauses('done', outcome, requests))
    }
  }

  get answered(): (outcome: Outcome) => void {
    return (outcome) => {
      const requests = this.#requests
      if (requests !== undefined) this.begun(this.#withoutPauses('answered', outcome, requests))
    }
  }

  /** `answered` for an outcome that was measured here. */
  begun(outcome: Outcome): void {
    if (this.#requests === undefined || this.#answered) return
    this.#answered = true
    this.observed?.answered(outcome)
    this.#requests.answered(this, outcome)
  }

  #withoutPauses(name: 'done' | 'answered', outcome: Outcome, { running }: Requests): Outcome {
    const path = name === 'done' ? 'PickResult.done.outcome' : 'PickResult.answered.outcome'
    const latencyMs = latencyWithoutPauses(checkedOutcome(path, outcome).latencyMs, running, this.#stoodMs)
    return latencyMs === outcome.latencyMs ? outcome : { ...outcome, latencyMs }
  }

  /** `done` for an outcome that was measured here. */
  end(outcome: Outcome): void {
    const requests = this.#requests
    if (requests === undefined) return
    this.#requests = undefined
    requests.ended(this, outcome, this.#answered)
  }
}

/** What is to be done when a request has ended. */
export interface RequestListener {
  /** `failure`: how the instance failed, if it did. */
  requestEnded(request: Request, failure: FailureMode | undefined): void
  /** There may be room for calls that wait. */
  instancesChanged(): void
  /** All is done, and its events were delivered. */
  requestSettled(): void
}

export interface RequestsOptions {
  readonly service: string
  readonly running: RunningClock
  readonly events: EventChannel
  readonly capacity: Capacity
  readonly feedback: Feedback
  readonly listener: RequestListener
}

/** The requests of one service: what begins and ends with each, and what its outcome teaches. */
export class Requests {
  readonly running: RunningClock
  /** Requests that ever began. */
  count = 0
  readonly #service: string
  readonly #events: EventChannel
  readonly #capacity: Capacity
  readonly #feedback: Feedback
  readonly #listener: RequestListener

  constructor({ service, running, events, capacity, feedback, listener }: RequestsOptions) {
    this.#service = service
    this.running = running
    this.#events = events
    this.#capacity = capacity
    this.#feedback = feedback
    this.#listener = listener
  }

  /** Hot. */
  begin(picked: Picked): Request {
    const { record, route, probe } = picked
    const { answers } = record
    const probed = probe ? record.tracker?.ejection : undefined
    record.inFlight++
    answers.awaiting++
    answers.unanswered++
    if (probe) answers.startProbe()
    this.count++
    this.#capacity.inFlight++
    this.#capacity.awaiting++
    this.running.hold()
    const { stoodMs } = this.running
    if (!answers.watched) this.#feedback.watch.started(answers)
    if (route.balancer.started === undefined) route.inFlight++
    else route.started(record.instance)
    return new Request(picked, probed, stoodMs, this)
  }

  /** The head of an answer to `request` is there. */
  answered(request: Request, outcome: Outcome): void {
    const events = this.#events
    this.running.release()
    events.hold()
    try {
      this.#learn(request, outcome, outcome.ok ? undefined : failureMode(outcome))
      if (this.#capacity.isAdaptive) this.#listener.instancesChanged()
    } finally {
      events.release()
    }
  }

  /** Hot. `hasHead`: whether `answered` was called before. */
  ended(request: Request, outcome: Outcome, hasHead: boolean): void {
    const events = this.#events
    const service = this.#service
    const { instance, picked } = request
    const { record, route } = picked
    if (!hasHead) this.running.release()
    const failure = outcome.ok ? undefined : failureMode(outcome)
    // Whether the instance is to blame is decided once: balancers look at no error.
    const isJudged = outcome.ok || failure !== undefined || outcome.cancelled === true || outcome.blame === 'none'
    const judged: Outcome = isJudged ? outcome : { ...outcome, blame: 'none' }
    // What it changes, events speak of when all is done.
    const held = events.active
    if (held) events.hold()
    try {
      record.inFlight--
      this.#capacity.inFlight--
      if (route.balancer.finished === undefined) route.inFlight--
      else route.finished(instance, failure === 'refused' ? { ...judged, refused: true } : judged)
      if (hasHead) this.#learnRest(request, judged, failure)
      else this.#learn(request, judged, failure, true)
      if (judged.ok) record.succeeded++
      else if (judged.blame !== 'none') record.failed++
      if (this.#feedback.learnedWeights !== undefined) this.#feedback.reported(record, judged.loadReport)
      if (events.wantsRequests) {
        const call = request.observed?.call ?? 0
        events.emit({ type: 'request-finished', service, call, instance, outcome: judged })
      }
      this.#listener.requestEnded(request, failure)
    } finally {
      if (held) events.release()
    }
    request.observed?.end(judged)
    this.#listener.requestSettled()
  }

  /** What the head of an answer, or a failure, says of the instance: it counts from now on, however long the rest takes. `isWhole`: there is no rest. */
  #learn(
    { picked: { record }, probed }: Request,
    outcome: Outcome,
    failure: FailureMode | undefined,
    isWhole = false,
  ): void {
    const { answers } = record
    const { watch, throttle, suspects } = this.#feedback
    const { ok, statusCode, latencyMs } = outcome
    if (this.#capacity.isAdaptive) this.#capacity.learn(record, outcome, failure)
    answers.awaiting--
    this.#capacity.awaiting--
    if (ok) watch.answered(latencyMs)
    if (ok || statusCode !== undefined) {
      answers.answers++
      answers.unanswered = 0
      answers.outrun = 0
      if (suspects.suspicions.size > 0) suspects.answered(record)
    }
    if (probed !== undefined) {
      answers.probed = false
      record.tracker?.endProbe(probeResult(ok, failure), probed, failure === 'server' ? undefined : failure)
    } else if (ok) {
      if (isWhole) record.track()?.succeeded()
      else record.track()?.answered()
    } else if (failure !== undefined) record.track()?.failed(failure)
    if (throttle === undefined || (!ok && failure === undefined)) return
    // An error of the service's own logic was accepted; one of overload, or of no connection, was not.
    const unreached = failure !== undefined && failure !== 'server'
    if (unreached || statusCode === 429 || statusCode === 503) throttle.refused()
    else throttle.accepted()
  }

  /** The rest of an answer is there, or broke off. */
  #learnRest({ picked: { record } }: Request, outcome: Outcome, failure: FailureMode | undefined): void {
    if (outcome.ok) record.tracker?.completed()
    else if (failure !== undefined && failure !== 'server') record.track()?.broke(failure)
  }
}

function probeResult(ok: boolean, failure: FailureMode | undefined): 'succeeded' | 'failed' | 'unknown' {
  if (ok) return 'succeeded'
  return failure === undefined ? 'unknown' : 'failed'
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
