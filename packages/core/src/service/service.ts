import type { PickRequest } from '../balancer/balancer.ts'
import type { Clock } from '../base/clock.ts'
import { type DiscoveryError, LoadBalancerClosedError, type NoAvailableInstanceError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import type { RunningClock } from '../base/running-clock.ts'
import type { InstancesDiff } from '../cache/diff-instances.ts'
import { InstanceCache } from '../cache/instance-cache.ts'
import type { ServiceSettings } from '../config/service-settings.ts'
import { lookIntervalMs } from '../health/outliers/answer-watch.ts'
import { Looks } from '../health/outliers/looks.ts'
import { isSameAddress, type ServiceInstance } from '../instance/instance.ts'
import type { UrlAuthority } from '../instance/service-host.ts'
import type { EventChannel } from '../observe/events.ts'
import type { ServiceSnapshot } from '../observe/snapshot.ts'
import type { LatencyQuantile } from '../overload/latency-quantile.ts'
import type { FailureMode } from '../retry/failure-kind.ts'
import { RetryBudget } from '../retry/retry-budget.ts'
import type { CallTarget, SleepingCall } from './call-target.ts'
import { Candidates } from './candidates.ts'
import { Capacity } from './capacity.ts'
import type { Drainable } from './drain.ts'
import { Feedback, noAnswerOptions } from './feedback.ts'
import { ListWaits } from './list-waits.ts'
import { type MovableAttempt, MovableAttempts } from './movable-attempts.ts'
import { noAvailableInstance, noList } from './no-available-instance.ts'
import { type AttemptPickRequest, type MayProbe, Picker } from './picker.ts'
import type { InstanceRecord } from './record.ts'
import { type Request, type RequestListener, Requests } from './request.ts'
import { Roster, type RosterListener } from './roster.ts'
import { serviceSnapshot } from './service-snapshot.ts'
import { serviceSplit } from './service-split.ts'
import type { TrafficSplit } from './traffic-split.ts'
import { UnheededHints } from './unheeded-hints.ts'
import { UnknownName } from './unknown-name.ts'
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

/** One service with everything wired: cache → roster → candidates → picker, capacity and the retry budget. */
export class Service implements CallTarget, RosterListener, RequestListener, Drainable {
  readonly service: string
  readonly settings: ServiceSettings
  readonly running: RunningClock
  readonly random: Random
  readonly events: EventChannel
  readonly budget: RetryBudget | undefined
  readonly movable: MovableAttempts
  readonly #clock: Clock
  readonly #looks: Looks
  readonly #split: TrafficSplit
  readonly #candidates: Candidates
  readonly #roster: Roster
  readonly #capacity: Capacity
  readonly #feedback: Feedback
  readonly #requests: Requests
  readonly #picker: Picker
  readonly #cache: InstanceCache
  readonly #lists: ListWaits
  readonly #name: UnknownName
  readonly #wasUnknown: boolean
  readonly #hints: UnheededHints
  /** Calls that wait or back off; closing ends them. */
  readonly #waiting = new Set<WaitingCall>()
  started = false
  /** Whether a list was ever applied. */
  #listed = false
  #closeError: Error | undefined
  /** Calls that have not settled, those that wait included. */
  #calls = 0
  #onIdle: (() => void) | undefined

  /** @throws InvalidOptionError when the balancer option gives something that is no Balancer */
  constructor({ onUnknown, wasUnknown = false, ...context }: ServiceWiring) {
    const { service, settings, clock, running, random, events } = context
    const { budget } = settings.retry
    const waiting = this.#waiting
    this.service = service
    this.settings = settings
    this.running = running
    this.random = random
    this.events = events
    this.#clock = clock
    this.#name = new UnknownName(service, events, onUnknown)
    this.#wasUnknown = wasUnknown
    this.#hints = new UnheededHints(service, events)
    this.budget = budget === false ? undefined : new RetryBudget({ ...budget, clock })
    this.#looks = new Looks(running, lookIntervalMs(noAnswerOptions(settings)))
    this.movable = new MovableAttempts(service, this.#looks)
    this.#split = serviceSplit(context)
    const [looks, movable, split] = [this.#looks, this.movable, this.#split]
    const candidates = new Candidates({ ...context, split })
    const roster = new Roster({ ...context, candidates, listener: this })
    const capacity = new Capacity({ ...context, clock: running, waiting, records: roster.records })
    const feedback = new Feedback({ ...context, roster, looks, movable, budget: this.budget })
    this.#candidates = candidates
    this.#roster = roster
    this.#capacity = capacity
    this.#feedback = feedback
    this.#requests = new Requests({ ...context, capacity, feedback, listener: this })
    this.#picker = new Picker({ ...context, roster, candidates, split, capacity })
    this.#cache = new InstanceCache({ ...context, ...settings, onChange: (diff) => this.#change(diff) })
    const { firstListTimeoutMs } = settings
    const noListError = (): DiscoveryError => this.noListError()
    this.#lists = new ListWaits({ clock: running, waiting, firstListTimeoutMs, cache: this.#cache, noListError })
  }

  get latencies(): LatencyQuantile | undefined {
    return this.#feedback.latencies
  }

  get closed(): boolean {
    return this.#closeError !== undefined
  }

  get inFlight(): number {
    return this.#capacity.inFlight
  }

  /** Requests that ever began. */
  get traffic(): number {
    return this.#requests.count
  }

  /** Whether it has a request in flight, or a call that waits. */
  get isUsed(): boolean {
    return this.inFlight > 0 || this.#waiting.size > 0
  }

  /** Whether it has neither a call nor a request in flight. */
  get idle(): boolean {
    return this.#calls === 0 && this.#capacity.inFlight === 0
  }

  onIdle(listener: () => void): void {
    this.#onIdle = listener
  }

  callBegan(): void {
    this.#calls++
  }

  callEnded(): void {
    this.#calls--
    if (this.#onIdle !== undefined && this.idle) this.#onIdle()
  }

  get hasList(): boolean {
    return this.#cache.state.kind !== 'waiting'
  }

  get listVersion(): number {
    return this.#cache.version
  }

  /** Begins to watch or poll, if that was not done before. */
  start(): void {
    if (this.started) return
    this.started = true
    this.#name.start(this.#clock, this.settings.firstListTimeoutMs)
    this.#cache.start()
  }

  /** Ends the watch. Calls that wait reject with `error`; those that wait for a retry end with the result they have. */
  close(error: Error): void {
    this.#closeError = error
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const scope of waiting) scope.interrupt(error)
    this.#name.close()
    this.#cache.close()
    this.#looks.close()
    this.#feedback.close()
    this.#roster.close()
    this.#capacity.close()
  }

  /** Asks the discovery for the list. */
  refresh(): Promise<void> {
    return this.#cache.refresh()
  }

  hasMoved(instance: ServiceInstance): boolean {
    const listed = this.#roster.records.get(instance.id)?.instance
    return listed !== undefined && !isSameAddress(listed, instance)
  }

  hasCandidateBeyond(ids: ReadonlySet<string>): boolean {
    return this.#picker.hasCandidateBeyond(ids)
  }

  mayAcquireBeside(ids: ReadonlySet<string>): boolean {
    const capacity = this.#capacity
    if (this.closed || !capacity.hasRoom) return false
    // One with room: the limit of an instance would lead back to one that is being asked.
    return this.#picker.hasCandidateBeyond(new Set([...ids, ...capacity.fullInstances()]))
  }

  isThrottled(): boolean {
    return this.#feedback.throttle?.shouldReject() === true
  }

  refuseIfThrottled(): void {
    if (this.#feedback.throttle?.shouldReject() === true) throw this.#capacity.refused('throttled')
  }

  /** Chooses, and counts nothing. */
  pick(request?: PickRequest): ServiceInstance {
    if (request?.hashKey !== undefined) this.#hints.lookAtHashKey(this.#split.first.balancer)
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
  acquire(request?: AttemptPickRequest, mayProbe: MayProbe = 'always'): Request | undefined {
    // Before anything is counted: it emits events, and their listeners may take the room that is left.
    this.#picker.settle()
    if (this.#closeError !== undefined) this.#throwIfClosed()
    if (request?.hashKey !== undefined) this.#hints.lookAtHashKey(this.#split.first.balancer)
    if (this.#capacity.isLimited && !this.#capacity.hasRoom) return undefined
    const picked = this.#listed ? this.#picker.take(request, mayProbe) : undefined
    if (picked === undefined) throw this.#noAvailableInstance()
    if (picked === 'full') return undefined
    return this.unlessClosed(this.#requests.begin(picked))
  }

  // A balancer of the application's or a listener may have closed it.
  unlessClosed(acquired: Request): Request {
    // Compared first: `instanceof` asks the brand, which costs more than a pick.
    if (this.#closeError === undefined) return acquired
    if (this.#closeError instanceof LoadBalancerClosedError) {
      acquired.end({ ok: false, latencyMs: 0, error: this.#closeError, cancelled: true })
    }
    this.#throwIfClosed()
    return acquired
  }

  firstList(call: WaitingCall): Promise<void> {
    return this.#lists.first(call)
  }

  whenRoom(call: WaitingCall, take: () => Request | undefined): Promise<Request> {
    return this.#capacity.waitForRoom(call, take)
  }

  fromNewerList<T>(
    call: WaitingCall,
    bounds: { readonly version: number; readonly untilMs: number },
    take: () => T | Promise<T> | undefined,
  ): Promise<T | undefined> {
    return this.#lists.takeFromNewer(call, bounds, take)
  }

  async pause(call: SleepingCall, delayMs: number): Promise<void> {
    // A listener of the events before may have closed it.
    this.#throwIfClosed()
    this.#waiting.add(call)
    try {
      await call.sleep(delayMs)
    } finally {
      this.#waiting.delete(call)
    }
  }

  outrun(attempt: MovableAttempt): boolean {
    return this.#feedback.secondTries.faster(attempt)
  }

  snapshot(): ServiceSnapshot {
    this.#picker.settle()
    return serviceSnapshot({
      service: this.service,
      settings: this.settings,
      started: this.started,
      nowMs: this.#clock.now(),
      balancer: this.#split.first.balancer,
      cache: this.#cache,
      roster: this.#roster,
      candidates: this.#candidates,
      capacity: this.#capacity,
      budget: this.budget,
    })
  }

  /** A URL has this service's name as its host, but a port that makes it a server's. */
  bypassed(authority: UrlAuthority): void {
    this.#name.bypassed(authority)
  }

  /** Whether its balancer heeds `hashKey`; `undefined`: only the balancer knows. */
  get heedsHashKey(): boolean | undefined {
    return this.#split.first.balancer.heedsHashKey
  }

  /** Why there is no list. */
  noListError(): DiscoveryError {
    return noList(this.service, this.#cache, this.settings.discovery)
  }

  instancesChanged(): void {
    this.#capacity.admit(this.#picker)
  }

  becameUnhealthy(): void {
    this.#cache.doubt()
  }

  fellSilent({ instance }: InstanceRecord, forMs: number): void {
    this.movable.leave(instance, forMs)
    this.#cache.doubt()
  }

  requestEnded({ picked: { record }, instance }: Request, failure: FailureMode | undefined): void {
    const { events, service } = this
    if (failure !== undefined && failure !== 'server') this.#cache.doubt()
    if (record.state === 'draining' && record.inFlight === 0) {
      this.#roster.forget(record)
      if (events.active) events.emit({ type: 'instance-drained', service, instance })
    }
    if (this.#capacity.isLimited) this.#capacity.admit(this.#picker)
  }

  requestSettled(): void {
    if (this.#onIdle !== undefined && this.idle) this.#onIdle()
  }

  #change(diff: InstancesDiff): void {
    this.#picker.apply(diff)
    this.#listed = true
    this.#feedback.instancesChanged(diff)
    this.#picker.settle()
    this.#hints.lookAtWeights(this.#split.first.balancer, diff.instances)
    this.#name.listed(this.#cache, diff.instances.length)
    this.#capacity.admit(this.#picker)
  }

  /** @throws LoadBalancerClosedError. One that was only released has no instance, and says that. */
  #throwIfClosed(): void {
    if (this.#closeError instanceof LoadBalancerClosedError) throw this.#closeError
  }

  #noAvailableInstance(): NoAvailableInstanceError {
    if (this.#cache.instances.length === 0) this.#cache.doubt()
    const [records, { panic }] = [this.#roster.records.values(), this.#candidates]
    return noAvailableInstance(this.service, this.#cache, this.settings.discovery, records, panic, this.#wasUnknown)
  }
}
