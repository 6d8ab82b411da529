import type { HealthSubscription } from '../health/checks/checker.ts'
import type { Eligibility, Judged } from '../health/eligibility/eligibility.ts'
import type { Watched } from '../health/outliers/answer-watch.ts'
import type { OutlierDetector } from '../health/outliers/detector.ts'
import type { OutlierTracker } from '../health/outliers/tracker.ts'
import { type ServiceInstance, withWeight } from '../instance/instance.ts'
import type { InstanceSnapshot, InstanceState } from '../observe/snapshot.ts'
import type { GradientLimit } from '../overload/gradient-limit.ts'

/** The slow start of an instance. */
export interface Warming {
  readonly sinceMs: number
  /** Whether it was picked since. */
  picked: boolean
}

/** What is kept about one instance as long as it is known or has requests in flight. */
export class InstanceRecord implements Judged {
  instance: ServiceInstance
  /** The instance, with its learnt weight when there is one. */
  own: ServiceInstance
  /** What the balancer sees: `own`, or a copy with the weight that was set at run time. */
  candidate: ServiceInstance
  state: InstanceState = 'available'
  stateSinceMs: number
  /** Whether the balancer may pick it. */
  isCandidate = false
  inFlight = 0
  succeeded = 0
  failed = 0
  /** Its slow start; `undefined`: it is warm. */
  warming: Warming | undefined = undefined
  /** Until when it is used although the registry no longer lists it; `undefined`: it is listed. */
  keptUntilMs: number | undefined = undefined
  health: HealthSubscription | undefined = undefined
  /** Its limit on requests in flight, if that is adaptive. */
  limiter: GradientLimit | undefined = undefined
  /** Whether the last verdict of active checks was bad. */
  failedChecks = false
  // What most instances of a long list never need is made at its first use.
  #answers: AnswerCount | undefined = undefined
  #detector: OutlierDetector | undefined = undefined
  #tracker: OutlierTracker | undefined = undefined

  constructor(instance: ServiceInstance, nowMs: number) {
    this.instance = instance
    this.own = instance
    this.candidate = instance
    this.stateSinceMs = nowMs
  }

  /** What is counted of its answers. */
  get answers(): AnswerCount {
    this.#answers ??= new AnswerCount(this)
    return this.#answers
  }

  /** Requests in flight that have no answer yet. */
  get awaiting(): number {
    return this.#answers?.awaiting ?? 0
  }

  resetMovable(): void {
    if (this.#answers !== undefined) this.#answers.movable = 0
  }

  /** No request waits for it: what was counted of its answers is dropped if it says nothing about the next ones. */
  dropAnswers(): void {
    if (this.#answers?.isBlank === true) this.#answers = undefined
  }

  /** What the outcomes of its requests say; `undefined`: none did, or they are not judged. */
  get tracker(): OutlierTracker | undefined {
    return this.#tracker
  }

  /** Whether the outcomes of its requests are judged. */
  get isJudged(): boolean {
    return this.#detector !== undefined
  }

  /** From now on the outcomes of its requests are judged by `detector`; `undefined`: they are not. */
  judgeBy(detector: OutlierDetector | undefined): void {
    this.#detector = detector
    this.#tracker = undefined
  }

  /** `tracker` says nothing: another is made when there is something to say. */
  dropTracker(tracker: OutlierTracker): void {
    if (this.#tracker === tracker) this.#tracker = undefined
  }

  /** What the outcomes of its requests say, from now on if it was nothing so far; `undefined`: they are not judged. Hot. */
  track(): OutlierTracker | undefined {
    this.#tracker ??= this.#detector?.track(this.instance.id)
    return this.#tracker
  }

  get problem(): Judged['problem'] {
    const tracker = this.#tracker
    if (tracker !== undefined && tracker.state !== 'in') return tracker.state
    return this.instance.healthy === false || this.health?.state.status === 'unhealthy' ? 'unhealthy' : undefined
  }

  /** A new list has it, with other fields: the learnt weight stays. */
  replace(instance: ServiceInstance): void {
    const { own, instance: before } = this
    this.instance = instance
    const isLearned = own.weight !== before.weight && instance.weight > 0
    this.own = isLearned ? withWeight(instance, own.weight) : instance
    this.candidate = this.own
  }

  /** It has the learnt weight, or its own. */
  learn(weight: number): void {
    if (weight === this.own.weight) return
    this.own = weight === this.instance.weight ? this.instance : withWeight(this.instance, weight)
    this.candidate = this.own
  }

  /** It has the weight that was set at run time; `undefined`: none was. Says whether that changes what the balancer sees. */
  override(weight: number | undefined): boolean {
    const { own, candidate } = this
    const wanted = weight ?? own.weight
    if (wanted === own.weight) this.candidate = own
    else if (wanted !== candidate.weight) this.candidate = withWeight(own, wanted)
    return this.candidate !== own
  }

  enter(state: InstanceState, nowMs: number): void {
    if (this.state === state) return
    this.state = state
    this.stateSinceMs = nowMs
  }

  judged(verdict: Eligibility, isCandidate: boolean, nowMs: number): void {
    this.isCandidate = isCandidate
    this.enter(verdict, nowMs)
  }

  snapshot(nowMs: number, warmth: number, panic: string | undefined): InstanceSnapshot {
    const { instance, state, inFlight, succeeded, failed, candidate, isCandidate } = this
    const health = this.health?.state
    return {
      instance,
      state,
      reason: this.#reason(nowMs, panic),
      forMs: nowMs - this.stateSinceMs,
      candidate: isCandidate,
      effectiveWeight: candidate.weight * warmth,
      inFlight,
      succeeded,
      failed,
      ...(health === undefined
        ? undefined
        : { activeCheck: { status: health.status, reason: health.reason, forMs: nowMs - health.sinceMs } }),
      ...(this.limiter === undefined ? undefined : { adaptiveLimit: this.limiter.limit }),
      ...this.#ejection(nowMs),
      ejections: this.tracker?.timesEjected ?? 0,
    }
  }

  #ejection(nowMs: number): Pick<InstanceSnapshot, 'ejection'> | undefined {
    const { ejection, sinceMs = 0 } = this.tracker ?? {}
    if (ejection === undefined) return undefined
    const endsInMs = this.tracker?.state === 'ejected' ? Math.max(0, sinceMs + ejection.forMs - nowMs) : 0
    return { ejection: { reason: ejection.reason, detail: ejection.detail, endsInMs } }
  }

  #reason(nowMs: number, panic: string | undefined): string {
    if (this.state === 'available' && !this.isCandidate && panic !== undefined) return panic
    const reason = this.#stateReason(nowMs)
    return this.isCandidate && this.state !== 'available' ? `${reason}; picked all the same: ${panic}` : reason
  }

  #stateReason(nowMs: number): string {
    switch (this.state) {
      case 'available':
        if (this.keptUntilMs === undefined) return 'may be picked'
        return `gone from the registry but passes its checks: kept for ${Math.round(this.keptUntilMs - nowMs)} ms more`
      case 'standby':
        return 'a lower priority number is in use'
      case 'drained':
        return 'its weight is 0'
      case 'unhealthy':
        if (this.instance.healthy === false) return 'the registry says it is unhealthy'
        return `its checks fail: ${this.health?.state.reason}`
      case 'ejected':
        return `ejected: ${this.tracker?.ejection?.detail}`
      case 'half-open':
        return 'the ejection is over: one request tries whether it is back'
      case 'draining':
        return 'removed from the list; requests in flight finish'
    }
  }
}

/** What is counted of the answers of one instance, to find whether it has fallen silent. */
export class AnswerCount implements Watched {
  readonly record: InstanceRecord
  /** Requests in flight that have no answer yet, not even the head of one. */
  awaiting = 0
  /** Requests that started since its last answer. */
  unanswered = 0
  answers = 0
  /** Second tries that were answered elsewhere since its last answer, while the first waited here. */
  outrun = 0
  /** Whether the request that tries it after its ejection is under way. */
  probed = false
  movable = 0
  watched = false
  answersBefore = 0
  silentLooks = 0
  crowdedLooks = 0
  othersBefore = 0

  constructor(record: InstanceRecord) {
    this.record = record
  }

  /** Whether it says no more than one that begins now. */
  get isBlank(): boolean {
    return this.awaiting === 0 && this.unanswered === 0 && this.outrun === 0 && !this.probed
  }

  get waiting(): number {
    return Math.min(this.record.inFlight, this.unanswered)
  }

  /** The request that tries it after its ejection starts: it gets all of the time that an answer may take. */
  startProbe(): void {
    this.probed = true
    this.silentLooks = 0
    this.crowdedLooks = 0
    this.outrun = 0
  }
}
