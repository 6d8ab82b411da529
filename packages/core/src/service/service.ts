import type { Balancer, PickRequest } from '../balancer/balancer.ts'
import { balancerByName } from '../balancer/balancer-by-name.ts'
import type { CancelTimer, Clock } from '../base/clock.ts'
import { type DiscoveryError, LoadBalancerClosedError, type NoAvailableInstanceError } from '../base/errors.ts'
import { rejectOption, typeTag } from '../base/option-checks.ts'
import type { Random } from '../base/random.ts'
import type { RunningClock } from '../base/running-clock.ts'
import type { InstancesDiff } from '../cache/diff-instances.ts'
import { InstanceCache } from '../cache/instance-cache.ts'
import { asDiscoveryError } from '../cache/list-state.ts'
import type { ServiceSettings } from '../config/service-settings.ts'
import { lookIntervalMs } from '../health/outliers/answer-watch.ts'
import { Looks } from '../health/outliers/looks.ts'
import { isSameAddress, type ServiceInstance } from '../instance/instance.ts'
import type { Outcome } from '../instance/outcome.ts'
import type { UrlAuthority } from '../instance/service-host.ts'
import type { EventChannel } from '../observe/events.ts'
import type { ServiceSnapshot } from '../observe/snapshot.ts'
import { failureMode } from '../retry/failure-kind.ts'
import { RetryBudget } from '../retry/retry-budget.ts'
import { Capacity } from './capacity.ts'
import type { Drainable } from './drain.ts'
import { noAnswerOptions, OutcomeFeedback } from './feedback.ts'
import { ListWaits } from './list-waits.ts'
import { MovableAttempts } from './movable-attempts.ts'
import { noAvailableInstance, noList } from './no-available-instance.ts'
import { type RequestEnds, SinglePickResult } from './pick-result.ts'
import { type AttemptPickRequest, type MayProbe, type Picked, Picker } from './picker.ts'
import { Roster } from './roster.ts'
import { warmth } from './slow-start-pick.ts'
import { TrafficSplit } from './traffic-split.ts'
import type { WaitingCall } from './waiting-call.ts'

export interface ServiceWiring {
  readonly service: string
  readonly settings: ServiceSettings
  readonly clock: Clock
  /** Measures requests and their time limits. */
  readonly running: RunningClock
  readonly random: Random
  readonly events: EventChannel
  /** The discovery does not know the service: it says there is no instance, or gave no list in time. */
  readonly onUnknown?: () => void
  /** Whether the discovery did not know it when it was asked before. */
  readonly wasUnknown?: boolean
}

/** One service with everything wired: cache → roster (health, eligibility) → picker, capacity and the retry budget. */
export class Service implements RequestEnds, Drainable {
  readonly service: string
  readonly settings: ServiceSettings
  readonly clock: Clock
  readonly running: RunningClock
  readonly random: Random
  readonly events: EventChannel
  readonly budget: RetryBudget | undefined
  readonly capacity: Capacity
  readonly feedback: OutcomeFeedback
  /** Calls that wait or back off; closing ends them. */
  readonly waiting: Set<WaitingCall> = new Set()
  readonly movable: MovableAttempts
  readonly lists: ListWaits
  readonly #looks: Looks
  readonly #cache: InstanceCache
  readonly #roster: Roster
  readonly #split: TrafficSplit
  readonly #picker: Picker
  readonly #onUnknown: (() => void) | undefined
  readonly #wasUnknown: boolean
  #started = false
  /** Whether a list was ever applied. */
  #listed = false
  #closeError: Error | undefined
  /** Calls that have not settled, those that wait included. */
  #calls = 0
  #onIdle: (() => void) | undefined
  /** Whether it ever had an instance: one that was scaled to zero is not unknown. */
  #known = false
  #bypassEmitted = false
  #requests = 0
  #hashKeyIsIgnored = false
  #weightsAreIgnored = false
  #cancelUnknownTimer: CancelTimer | undefined

  /** @throws InvalidOptionError when the balancer option gives something that is no Balancer */
  constructor({ onUnknown, wasUnknown = false, ...context }: ServiceWiring) {
    const { service, settings, clock, running, random, events } = context
    this.service = service
    this.settings = settings
    this.clock = clock
    this.running = running
    this.random = random
    this.events = events
    this.#onUnknown = onUnknown
    this.#wasUnknown = wasUnknown
    const { budget } = settings.retry
    this.#looks = new Looks(running, lookIntervalMs(noAnswerOptions(settings)))
    this.movable = new MovableAttempts(service, this.#looks)
    this.budget = budget === false ? undefined : new RetryBudget({ ...budget, clock })
    const split = new TrafficSplit({
      newBalancer: () => this.#newBalancer(),
      followWeights: settings.balancer === undefined,
      random,
      callbackFailed: (callback, error) => events.callbackFailed(service, callback, error),
    })
    const roster = new Roster({
      ...context,
      split,
      traffic: () => this.#requests,
      onUnsettled: () => {
        this.#picker.unsettle()
        this.capacity.admit()
      },
      onUnhealthy: () => this.#cache.doubt(),
      onSilenced: ({ instance }, forMs) => {
        this.movable.leave(instance, forMs)
        this.#cache.doubt()
      },
    })
    this.#split = split
    this.#roster = roster
    const settle = (): void => this.#picker.settle()
    this.capacity = new Capacity({ ...context, clock: running, waiting: this.waiting, records: roster.records, settle })
    this.feedback = new OutcomeFeedback({
      ...context,
      roster,
      looks: this.#looks,
      movable: this.movable,
      budget: this.budget,
    })
    this.#picker = new Picker({ ...context, roster, split, capacity: this.capacity })
    this.#cache = new InstanceCache({ ...context, ...settings, onChange: (diff) => this.#change(diff) })
    this.lists = new ListWaits({
      clock: running,
      waiting: this.waiting,
      firstListTimeoutMs: settings.firstListTimeoutMs,
      cache: this.#cache,
      noListError: () => this.noListError(),
    })
  }

  get inFlight(): number {
    return this.capacity.inFlight
  }

  get closed(): boolean {
    return this.#closeError !== undefined
  }

  /** @throws LoadBalancerClosedError. One that was only released has no instance, and says that. */
  throwIfClosed(): void {
    const error = this.#closeError
    // Compared first: `instanceof` asks the brand, which costs more than a pick.
    if (error !== undefined && error instanceof LoadBalancerClosedError) throw error
  }

  /** Whether it has neither a call nor a request in flight. */
  get idle(): boolean {
    return this.#calls === 0 && this.capacity.inFlight === 0
  }

  onIdle(listener: () => void): void {
    this.#onIdle = listener
  }

  /** A call begins, which may have to wait before it is in flight. */
  callBegan(): void {
    this.#calls++
  }

  callEnded(): void {
    this.#calls--
    this.#tellIfIdle()
  }

  get started(): boolean {
    return this.#started
  }

  /** Whether a list is known, be it empty. */
  get hasList(): boolean {
    return this.#cache.state.kind !== 'waiting'
  }

  /** Begins to watch or poll, if that was not done before. */
  start(): void {
    if (this.#started) return
    this.#started = true
    const onUnknown = this.#onUnknown
    if (onUnknown !== undefined) {
      const { firstListTimeoutMs } = this.settings
      this.#cancelUnknownTimer = this.clock.setTimeout(onUnknown, firstListTimeoutMs, { background: true })
    }
    this.#cache.start()
  }

  /** Ends the watch. Calls that wait reject with `error`; those that wait for a retry end with the result they have. */
  close(error: Error): void {
    this.#closeError = error
    const waiting = [...this.waiting]
    this.waiting.clear()
    for (const scope of waiting) scope.interrupt(error)
    this.#cancelUnknownTimer?.()
    this.#cache.close()
    this.#looks.close()
    this.feedback.close()
    this.#roster.close()
    this.capacity.close()
  }

  /** Counts the changes of the list. */
  get listVersion(): number {
    return this.#cache.version
  }

  /** Asks the discovery for the list. */
  refresh(): Promise<void> {
    return this.#cache.refresh()
  }

  /** Whether `instance` is listed at another address now: its id says nothing of what was tried. */
  hasMoved(instance: ServiceInstance): boolean {
    const listed = this.#roster.records.get(instance.id)?.instance
    return listed !== undefined && !isSameAddress(listed, instance)
  }

  /** Whether an instance that may be picked has none of these ids. */
  hasCandidateBeyond(ids: ReadonlySet<string>): boolean {
    return this.#picker.hasCandidateBeyond(ids)
  }

  /** @throws OverloadedError when the throttle says so */
  refuseIfThrottled(): void {
    if (this.feedback.throttle?.shouldReject() === true) throw this.capacity.refused('throttled')
  }

  /** Chooses, and counts nothing. */
  pick(request?: PickRequest): ServiceInstance {
    if (request?.hashKey !== undefined) this.#lookAtHashKey()
    // A list that could not be applied is not known yet.
    const instance = this.#listed ? this.#picker.pick(request) : undefined
    if (instance === undefined) throw this.#noAvailableInstance()
    return instance
  }

  /**
   * Chooses, and counts the request in flight until `done`. `undefined`: limits of requests in flight are reached.
   * `mayProbe`: whether it may be the one that tries an instance after its ejection.
   * Nothing is sent after the service was closed, by whatever listener or microtask.
   */
  acquire(request?: AttemptPickRequest, mayProbe: MayProbe = 'always'): SinglePickResult | undefined {
    // Before anything is counted: it emits events, and their listeners may take the room that is left.
    this.#picker.settle()
    this.throwIfClosed()
    if (request?.hashKey !== undefined) this.#lookAtHashKey()
    if (!this.capacity.hasRoom) return undefined
    const picked = this.#listed ? this.#picker.take(request, mayProbe) : undefined
    if (picked === undefined) throw this.#noAvailableInstance()
    if (picked === 'full') return undefined
    return this.unlessClosed(this.#begin(picked))
  }

  /** Since `picked` was acquired, a balancer of the application's or a listener may have closed it. @throws LoadBalancerClosedError */
  unlessClosed(picked: SinglePickResult): SinglePickResult {
    if (this.#closeError === undefined) return picked
    if (this.#closeError instanceof LoadBalancerClosedError) {
      picked.end({ ok: false, latencyMs: 0, error: this.#closeError, cancelled: true })
    }
    this.throwIfClosed()
    return picked
  }

  snapshot(): ServiceSnapshot {
    this.#picker.settle()
    const { settings, clock } = this
    const { state, ageMs } = this.#cache
    const { panic, zone } = this.#roster.state
    const now = clock.now()
    return {
      service: this.service,
      status: !this.#started || state.kind === 'closed' ? 'unused' : state.kind,
      ...('error' in state && state.error !== undefined
        ? { discoveryError: asDiscoveryError(this.service, state.error).message }
        : undefined),
      discovery: typeTag(settings.discovery),
      balancer: typeTag(this.#split.first.balancer),
      listAgeMs: ageMs,
      inFlight: this.inFlight,
      queued: this.capacity.queued,
      ...(this.budget === undefined ? undefined : { retryBudget: this.budget.balance }),
      ...(panic === undefined ? undefined : { panic }),
      ...(zone === undefined || settings.zone === undefined
        ? undefined
        : { zone: { local: settings.zone.local, active: zone.active, reason: zone.reason } }),
      instances: this.#roster.everyRecord.map((record) =>
        record.snapshot(now, warmth(record, settings.slowStart, now), panic),
      ),
    }
  }

  /** A URL has this service's name as its host, but a port that makes it a server's. */
  bypassed({ host, port }: UrlAuthority): void {
    const { events, service } = this
    if (this.#bypassEmitted || !this.#known) return
    this.#bypassEmitted = true
    events.emit({ type: 'service-bypassed', service, authority: `${host}:${port}` })
  }

  /** Why there is no list. */
  noListError(): DiscoveryError {
    return noList(this.service, this.#cache, this.settings.discovery)
  }

  /** Whether its balancer heeds `hashKey`; `undefined`: only the balancer knows. */
  get heedsHashKey(): boolean | undefined {
    return this.#split.first.balancer.heedsHashKey
  }

  #lookAtHashKey(): void {
    const { events, service } = this
    if (this.#hashKeyIsIgnored || this.heedsHashKey !== false || !events.active) return
    this.#hashKeyIsIgnored = true
    events.emit({ type: 'hash-key-ignored', service, balancer: typeTag(this.#split.first.balancer) })
  }

  #lookAtWeights({ instances }: InstancesDiff): void {
    const { balancer } = this.#split.first
    const { events, service } = this
    const used = balancer.heedsWeights === false ? instances.filter(({ weight }) => weight > 0) : []
    const areIgnored = used.some(({ weight }) => weight !== used[0]?.weight)
    if (areIgnored && !this.#weightsAreIgnored && events.active) {
      events.emit({ type: 'weights-ignored', service, balancer: typeTag(balancer) })
    }
    this.#weightsAreIgnored = areIgnored
  }

  #newBalancer(): Balancer {
    const { balancer } = this.settings
    if (typeof balancer !== 'function') return balancerByName(balancer ?? 'round-robin', this)
    const made: Balancer = balancer()
    if (typeof made?.update !== 'function' || typeof made.pick !== 'function') {
      rejectOption(`${this.service}.balancer()`, 'a Balancer with update and pick', made)
    }
    return made
  }

  #change(diff: InstancesDiff): void {
    try {
      this.#roster.apply(diff)
    } finally {
      this.#picker.unsettle()
    }
    this.#listed = true
    this.feedback.instancesChanged(diff)
    this.#picker.settle()
    this.#cancelUnknownTimer?.()
    this.#lookAtWeights(diff)
    if (diff.instances.length > 0) this.#known = true
    else if (!this.#known) this.#tellUnknown()
    this.capacity.admit()
  }

  // Later, so that the calls that wait for this list see it first.
  #tellUnknown(): void {
    const onUnknown = this.#onUnknown
    if (onUnknown === undefined) return
    void Promise.resolve().then(() => {
      if (this.#cache.state.kind === 'fresh' && this.#cache.instances.length === 0) onUnknown()
    })
  }

  #begin(picked: Picked): SinglePickResult {
    const { record, route, probe } = picked
    const probed = probe ? record.tracker?.ejection : undefined
    record.began(probe)
    this.#requests++
    this.capacity.inFlight++
    this.running.hold()
    this.feedback.started(record)
    route.started(record.instance)
    return new SinglePickResult(picked, probed, this.running.stoodMs, this)
  }

  /** A request that `acquire` began has the head of its answer. */
  answered({ picked: { record }, probed }: SinglePickResult, outcome: Outcome): void {
    const { events } = this
    this.running.release()
    events.hold()
    try {
      this.feedback.answered(record, outcome, failureMode(outcome), probed)
    } finally {
      events.release()
    }
  }

  /** A request that `acquire` began has ended. */
  ended({ picked, instance, probed, hasHead }: SinglePickResult, outcome: Outcome): void {
    const { record, route } = picked
    const { events, service } = this
    if (!hasHead) this.running.release()
    const failure = failureMode(outcome)
    // Whether the instance is to blame is decided once: balancers look at no error.
    const isJudged = outcome.ok || failure !== undefined || outcome.cancelled === true || outcome.blame === 'none'
    const judged: Outcome = isJudged ? outcome : { ...outcome, blame: 'none' }
    events.hold()
    try {
      record.inFlight--
      this.capacity.inFlight--
      route.finished(instance, failure === 'refused' ? { ...judged, refused: true } : judged)
      if (hasHead) this.feedback.finishedBody(record, judged, failure)
      else this.feedback.finished(record, judged, failure, probed)
      if (failure !== undefined && failure !== 'server') this.#cache.doubt()
      if (events.active) events.emit({ type: 'request-finished', service, instance, outcome: judged })
      if (record.state === 'draining' && record.inFlight === 0) {
        this.#roster.forget(record)
        if (events.active) events.emit({ type: 'instance-drained', service, instance })
      }
      this.capacity.admit()
    } finally {
      events.release()
    }
    this.#tellIfIdle()
  }

  #tellIfIdle(): void {
    if (this.#onIdle !== undefined && this.idle) this.#onIdle()
  }

  #noAvailableInstance(): NoAvailableInstanceError {
    if (this.#cache.instances.length === 0) this.#cache.doubt()
    const { records, state } = this.#roster
    return noAvailableInstance(
      this.service,
      this.#cache,
      this.settings.discovery,
      records.values(),
      state.panic,
      this.#wasUnknown,
    )
  }
}
