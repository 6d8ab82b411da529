import type { PickRequest } from '../balancer/balancer.ts'
import type { Clock } from '../base/clock.ts'
import { type DiscoveryError, LoadBalancerClosedError, type NoAvailableInstanceError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import type { RunningClock } from '../base/running-clock.ts'
import type { InstancesDiff } from '../cache/diff-instances.ts'
import type { ServiceSettings } from '../config/service-settings.ts'
import { isSameAddress, type ServiceInstance } from '../instance/instance.ts'
import type { MetadataMatch } from '../instance/metadata-match.ts'
import type { EventChannel } from '../observe/event-channel.ts'
import type { ServiceSnapshot } from '../observe/snapshot.ts'
import type { CriticalityRank } from '../overload/criticality.ts'
import type { LatencyQuantile } from '../overload/latency-quantile.ts'
import type { FailureMode } from '../retry/failure-kind.ts'
import type { RetryBudget } from '../retry/retry-budget.ts'
import type { CallTarget, ListBounds, Room, SleepingCall } from './call-target.ts'
import type { Drainable } from './drain.ts'
import type { MovableAttempt, MovableAttempts } from './movable-attempts.ts'
import { noAvailableInstance, noList } from './no-available-instance.ts'
import type { AttemptPickRequest, MayProbe } from './picker.ts'
import { type Preparation, preparedBy } from './preparation.ts'
import type { InstanceRecord } from './record.ts'
import type { Request } from './request.ts'
import { type ServiceListener, type ServiceParts, type ServiceWiring, serviceParts } from './service-parts.ts'
import { serviceSnapshot } from './service-snapshot.ts'
import type { Steering } from './steering.ts'
import { UnheededHints } from './unheeded-hints.ts'
import { UnknownName } from './unknown-name.ts'
import type { WaitingCall } from './waiting-call.ts'

/** One service with everything wired: cache → roster → candidates → picker, capacity and the retry budget. */
export class Service implements CallTarget, ServiceListener, Drainable {
  readonly service: string
  readonly name: UnknownName
  readonly settings: ServiceSettings
  readonly running: RunningClock
  readonly random: Random
  readonly events: EventChannel
  readonly budget: RetryBudget | undefined
  readonly movable: MovableAttempts
  readonly latencies: LatencyQuantile | undefined
  readonly steering: Steering
  readonly room: Room
  readonly #clock: Clock
  readonly #parts: ServiceParts
  readonly #picker: ServiceParts['picker']
  readonly #wasUnknown: boolean
  readonly #hints: UnheededHints
  readonly prepare: (() => Preparation | undefined) | undefined
  started = false
  /** Adapters that keep it in use, also while it has no request. */
  holders = 0
  #closeError: Error | undefined
  /** Calls that have not settled, those that wait included. */
  #calls = 0
  #onIdle: (() => void) | undefined

  /** @throws InvalidOptionError when the balancer option gives something that is no Balancer */
  constructor({ onUnknown, wasUnknown = false, ...context }: ServiceWiring) {
    const { service, settings, clock, running, random, events } = context
    this.service = service
    this.settings = settings
    this.running = running
    this.random = random
    this.events = events
    this.#clock = clock
    this.name = new UnknownName(service, events, onUnknown)
    this.#wasUnknown = wasUnknown
    this.#hints = new UnheededHints(service, events, settings.routing?.keys)
    this.#parts = serviceParts(context, this)
    const { splits, waiting } = this.#parts
    ;({ picker: this.#picker, budget: this.budget, movable: this.movable, steering: this.steering } = this.#parts)
    if (splits.balancer.prepare !== undefined) this.prepare = () => preparedBy(splits.balancer, this, waiting)
    this.latencies = this.#parts.feedback.latencies
    this.room = this.#parts.capacity
  }

  get closed(): boolean {
    return this.#closeError !== undefined
  }

  /** Requests that ever began. */
  get traffic(): number {
    return this.#parts.requests.count
  }

  /** Whether it is held, has a request in flight, a call that waits, or an override. */
  get isUsed(): boolean {
    const { capacity, waiting, overrides } = this.#parts
    return this.holders > 0 || capacity.inFlight > 0 || waiting.size > 0 || !overrides.isEmpty
  }

  /** Whether it has neither a call nor a request in flight. */
  get idle(): boolean {
    return this.#calls === 0 && this.#parts.capacity.inFlight === 0
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
    return this.#parts.cache.state.kind !== 'waiting'
  }

  get listVersion(): number {
    return this.#parts.cache.version
  }

  /** Begins to watch or poll. */
  start(): void {
    if (this.started) return
    this.started = true
    this.name.start(this.#clock, this.settings.firstListTimeoutMs)
    this.#parts.cache.start()
  }

  /** Ends the watch. Calls that wait reject with `error`; those that wait for a retry end with the result they have. */
  close(error: Error): void {
    this.#closeError = error
    const waiting = [...this.#parts.waiting]
    this.#parts.waiting.clear()
    for (const scope of waiting) scope.interrupt(error)
    this.name.close()
    this.#parts.close()
  }

  /** Asks the discovery for the list. */
  refresh(): Promise<void> {
    return this.#parts.cache.refresh()
  }

  hasMoved(instance: ServiceInstance): boolean {
    const listed = this.#parts.roster.records.get(instance.id)?.instance
    return listed !== undefined && !isSameAddress(listed, instance)
  }

  hasCandidateBeyond(ids: ReadonlySet<string>, match?: MetadataMatch): boolean {
    return this.#picker.hasCandidateBeyond(ids, match)
  }

  mayAcquireBeside(ids: ReadonlySet<string>, match?: MetadataMatch): boolean {
    const capacity = this.#parts.capacity
    if (this.closed || !capacity.hasRoom) return false
    // One with room: the limit of an instance would lead back to one that is being asked.
    return this.#picker.hasCandidateBeyond(ids, match, capacity.fullInstances())
  }

  isThrottled(rank: CriticalityRank): boolean {
    return this.#parts.feedback.throttle?.shouldReject(rank) === true
  }

  refuseIfThrottled(call: number, rank: CriticalityRank): void {
    if (this.#parts.feedback.throttle?.shouldReject(rank) === true)
      throw this.#parts.capacity.refused('throttled', call)
  }

  /** Chooses, and counts nothing. */
  pick(request?: PickRequest): ServiceInstance {
    if (request !== undefined) this.#hints.lookAt(request, this.#parts.splits)
    const instance = this.#picker.pick(request)
    if (instance === undefined) throw this.#noAvailableInstance(request?.match)
    return instance
  }

  /**
   * Chooses, and counts the request in flight until `done`. `undefined`: limits of requests in flight are reached.
   * `mayProbe`: whether it may be the one that tries an instance after its ejection.
   * Nothing is sent after the service was closed, by whatever listener or microtask.
   */
  acquire(request?: AttemptPickRequest, mayProbe: MayProbe = 'always', rank?: CriticalityRank): Request | undefined {
    // Before anything is counted: listeners of its events may take the room that is left.
    this.#picker.settle()
    if (this.#closeError !== undefined) this.#throwIfClosed()
    if (request !== undefined) this.#hints.lookAt(request, this.#parts.splits)
    if (this.#parts.capacity.isLimited && !this.#parts.capacity.hasRoomFor(rank)) return undefined
    const picked = this.#picker.take(request, mayProbe)
    if (picked === undefined) throw this.#noAvailableInstance(request?.match)
    if (picked === 'full') return undefined
    const begun = this.#parts.requests.begin(picked)
    return this.#closeError === undefined ? begun : this.unlessClosed(begun)
  }

  unlessClosed(acquired: Request): Request {
    const error = this.#closeError
    // Compared first: `instanceof` asks the brand, which costs more than a pick.
    if (error === undefined || !(error instanceof LoadBalancerClosedError)) return acquired
    acquired.end({ ok: false, latencyMs: 0, error, cancelled: true })
    throw error
  }

  firstList(call: WaitingCall): Promise<void> {
    return this.#parts.lists.first(call)
  }

  whenRoom(call: WaitingCall, take: () => Request | undefined, match?: MetadataMatch): Promise<Request> {
    const { capacity, subsets } = this.#parts
    return capacity.waitForRoom(call, take, subsets && (() => this.#picker.hasRoomFor(match)))
  }

  fromNewerList<T>(
    call: WaitingCall,
    bounds: ListBounds,
    take: () => T | Promise<T> | undefined,
  ): Promise<T | undefined> {
    if (this.#picker.isUnmatched(bounds.match)) return Promise.resolve(undefined)
    return this.#parts.lists.takeFromNewer(call, bounds, take)
  }

  async pause(call: SleepingCall, delayMs: number): Promise<void> {
    this.#throwIfClosed()
    this.#parts.waiting.add(call)
    try {
      await call.sleep(delayMs)
    } finally {
      this.#parts.waiting.delete(call)
    }
  }

  outrun(attempt: MovableAttempt): boolean {
    return this.#parts.feedback.secondTries.faster(attempt)
  }

  snapshot(): ServiceSnapshot {
    const { service, settings, started } = this
    this.#picker.settle()
    return serviceSnapshot({ ...this.#parts, service, settings, started, nowMs: this.#clock.now() })
  }

  /** Whether its balancer heeds `hashKey`; `undefined`: only the balancer knows. */
  get heedsHashKey(): boolean | undefined {
    return this.#parts.splits.balancer.heedsHashKey
  }

  /** Why there is no list. */
  noListError(): DiscoveryError {
    return noList(this.service, this.#parts.cache, this.settings.discovery)
  }

  factsChanged(): void {
    this.#picker.unsettle()
  }

  instancesChanged(): void {
    this.#parts.capacity.admit(this.#picker)
  }

  becameUnhealthy(): void {
    this.#parts.cache.doubt()
  }

  fellSilent({ instance }: InstanceRecord, forMs: number): void {
    this.movable.leave(instance, forMs)
    this.#parts.cache.doubt()
  }

  requestEnded({ picked: { record }, instance }: Request, failure: FailureMode | undefined): void {
    if (failure !== undefined && failure !== 'server') this.#parts.cache.unreached(instance, failure)
    if (record.state === 'draining' && record.inFlight === 0) {
      this.#parts.roster.forget(record)
      this.events.emit({ type: 'instance-drained', service: this.service, instance })
    }
    if (this.#parts.capacity.isLimited) this.#parts.capacity.admit(this.#picker)
  }

  requestSettled(): void {
    if (this.#onIdle !== undefined && this.idle) this.#onIdle()
  }

  listChanged(diff: InstancesDiff): void {
    this.#picker.apply(diff)
    this.steering.left(diff.removed)
    this.#parts.feedback.instancesChanged(diff)
    this.#picker.settle()
    this.#hints.lookAtWeights(this.#parts.splits.balancer, diff.instances)
    this.name.listed(this.#parts.cache, diff.instances.length)
    this.#parts.capacity.admit(this.#picker)
  }

  /** @throws LoadBalancerClosedError. One that was only released has no instance, and says that. */
  #throwIfClosed(): void {
    if (this.#closeError instanceof LoadBalancerClosedError) throw this.#closeError
  }

  #noAvailableInstance(match: MetadataMatch | undefined): NoAvailableInstanceError {
    const { cache } = this.#parts
    if (cache.instances.length === 0) cache.doubt()
    return noAvailableInstance(this.service, this.settings, { ...this.#parts, wasUnknown: this.#wasUnknown }, match)
  }
}
