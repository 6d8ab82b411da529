import type { PickRequest } from './balancer/balancer.ts'
import { monotonic, systemClock } from './base/clock.ts'
import { checkFunction, checkObject } from './base/option-checks.ts'
import { withDefaults } from './base/option-table.ts'
import { systemRandom } from './base/random.ts'
import { RunningClock } from './base/running-clock.ts'
import { acquire, firstList, observeAcquired, tryAcquire } from './call/acquire.ts'
import type { TryAcquireRequest } from './call/acquire-request.ts'
import { type AcquireRequest, checkAcquireRequest, checkPickRequest, noAcquireRequest } from './call/acquire-request.ts'
import type { AttemptFunction } from './call/attempt-context.ts'
import { execute } from './call/execute.ts'
import { checkExecuteOptions, type ExecuteOptions, noExecuteOptions } from './call/execute-options.ts'
import { CallScope } from './call/scope.ts'
import { AdapterCall, checkedCall, type StartedCall } from './call/started-call.ts'
import { copyOptions } from './config/copy-options.ts'
import { HealthCheckers } from './config/health-checkers.ts'
import { checkLoadBalancerOptions, type LoadBalancerOptions, loadBalancerTable } from './config/service-options.ts'
import type { ControlOptions, ServiceControl } from './control/override.ts'
import { DiscoveryUses } from './discovery/discovery-uses.ts'
import type { ServiceInstance } from './instance/instance.ts'
import { serviceOfHost, type UrlAuthority } from './instance/service-host.ts'
import type { CallInfo, CallObserver } from './observe/call-observer.ts'
import { CallObservers } from './observe/call-observers.ts'
import { EventChannel } from './observe/event-channel.ts'
import { checkEventTypes } from './observe/event-types.ts'
import type { AdapterEvent, CallbackFailed, LoadBalancerEvent, LoadBalancerListener } from './observe/events.ts'
import { guardedClock, guardedRandom } from './observe/guarded-sources.ts'
import type { ServiceSnapshot } from './observe/snapshot.ts'
import { defaultRank, rankOf } from './overload/criticality.ts'
import type { CloseOptions } from './service/drain.ts'
import type { PickResult } from './service/request.ts'
import type { Service } from './service/service.ts'
import { Services } from './service/services.ts'
import { Shutdown } from './service/shutdown.ts'

/**
 * Finds the instances of services, chooses one for each request, and runs calls with retries on another instance.
 *
 *     const lb = new LoadBalancer({ discovery: new StaticDiscovery({ 'user-service': ['10.0.1.12:8080'] }) })
 *     const response = await lb.execute(
 *       'user-service',
 *       ({ host, port }, { signal }) => fetch(`http://${host}:${port}/v1/profile`, { signal }),
 *       { idempotent: true },
 *     )
 *
 * Nothing is asked of the discovery before a service is used for the first time; from then on its list is kept in the
 * background, and no call waits for the registry again. One load balancer serves a whole process.
 */
export class LoadBalancer implements AsyncDisposable {
  readonly #running: RunningClock
  readonly #events = new EventChannel()
  readonly #calls: CallObservers
  readonly #services: Services
  /** The services in use, by name; none from the moment of closing. */
  readonly #inUse: ReadonlyMap<string, Service>
  readonly #shutdown: Shutdown

  /** @throws InvalidOptionError naming the option, what is legal and what was given */
  constructor(given: LoadBalancerOptions) {
    checkLoadBalancerOptions(given)
    const options = copyOptions(given)
    const { maxServices, closeDiscoveries } = withDefaults(options, loadBalancerTable)
    const { clock, random } = options
    const callbackFailed: CallbackFailed = (callback, error) => this.#events.callbackFailed(undefined, callback, error)
    const time = clock === undefined ? systemClock : monotonic(guardedClock(clock, callbackFailed))
    this.#running = new RunningClock(time)
    this.#calls = new CallObservers(this.#events, this.#running)
    const chance = random === undefined ? systemRandom : guardedRandom(random, callbackFailed)
    const healthCheckers = new HealthCheckers(options.healthCheck, { clock: time, random: chance })
    this.#services = new Services({
      options,
      maxServices,
      clock: time,
      running: this.#running,
      random: chance,
      events: this.#events,
      healthCheckers,
    })
    this.#inUse = this.#services.inUse
    const own = Object.values(options.services ?? {}).flatMap((each) => each.discovery ?? [])
    this.#shutdown = new Shutdown({
      clock: time,
      services: this.#services,
      events: this.#events,
      uses: new DiscoveryUses([options.discovery, ...own]),
      closeDiscoveries,
      alsoClosed: [healthCheckers, this.#running],
      calls: this.#calls,
    })
  }

  /**
   * The service that a URL with this authority names, or `undefined` if it names a server. Every adapter uses this
   * rule. Emits `service-bypassed` if only the port makes it a server although instances of a service with that name
   * are known.
   */
  serviceOf(authority: UrlAuthority): string | undefined {
    const service = serviceOfHost(authority, this.#services.configured)
    if (service === undefined && authority.port !== undefined)
      this.#services.byName.get(authority.host)?.name.bypassed(authority)
    return service
  }

  /** Names of the services under `services`. */
  get configuredServices(): ReadonlySet<string> {
    return this.#services.configured
  }

  /**
   * Resolves when the first list of `service` is known, even if it is empty.
   *
   * @throws DiscoveryError if there is none after `firstListTimeoutMs`; the signal's reason if it is aborted;
   * LoadBalancerClosedError
   */
  async ready(service: string, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    checkObject('options', options)
    await firstList(this.#use(service), options.signal)
  }

  /**
   * Chooses an instance at once, without waiting and without counting the request. Use it only if the end of the
   * request cannot be reported; otherwise use `acquire` or `execute`.
   *
   * @throws InvalidOptionError; NoAvailableInstanceError, also while the first list is not known; LoadBalancerClosedError
   */
  pick(service: string, request?: PickRequest): ServiceInstance {
    if (request !== undefined) checkPickRequest(request)
    return (this.#inUse.get(service) ?? this.#use(service)).pick(request)
  }

  /**
   * Chooses an instance and counts the request in flight on it until `done(outcome)`: without it, the request counts, and what observes it
   * is kept, until `close()`. Waits for the first list when that is not known yet.
   *
   * @throws InvalidOptionError; NoAvailableInstanceError; OverloadedError; DiscoveryError when there is no list after
   * `firstListTimeoutMs`; the signal's reason when it is aborted; LoadBalancerClosedError
   */
  acquire(service: string, request: AcquireRequest = noAcquireRequest): Promise<PickResult> {
    try {
      checkAcquireRequest(request)
      return acquire(this.#use(service), request, this.#calls.begin(service, {}))
    } catch (error) {
      this.#calls.refused(service, error)
      return Promise.reject(error)
    }
  }

  /**
   * `acquire` without any wait. `undefined`: no list is known yet, or limits of requests in flight are reached.
   *
   * @throws InvalidOptionError; NoAvailableInstanceError; OverloadedError when the throttle refuses the request; LoadBalancerClosedError
   */
  tryAcquire(service: string, request: TryAcquireRequest = noAcquireRequest): PickResult | undefined {
    const call = this.#calls.reserve()
    try {
      const taken = tryAcquire(this.#use(service), request, call)
      return taken && observeAcquired(taken, this.#calls.begin(service, {}, call))
    } catch (error) {
      this.#calls.refused(service, error, call)
      throw error
    }
  }

  /**
   * Begins a call whose attempts an adapter makes itself: they are counted, and observed, as one call.
   *
   * @throws InvalidOptionError; NoAvailableInstanceError beyond `maxServices`; LoadBalancerClosedError
   */
  startCall(service: string, given: Partial<Pick<CallInfo, 'idempotent'>> = {}): StartedCall {
    try {
      return new AdapterCall(this.#use(service), this.#calls.begin(service, checkedCall(given)))
    } catch (error) {
      this.#calls.refused(service, error)
      throw error
    }
  }

  /**
   * Watches the list of `service` until the returned function is called, even if the discovery does not know the name.
   *
   * @throws InvalidOptionError; NoAvailableInstanceError beyond `maxServices`; LoadBalancerClosedError
   */
  hold(service: string): () => void {
    return this.#services.hold(this.#use(service))
  }

  /**
   * Runs `attempt` on a chosen instance; when it fails, and repeating is safe, runs it again on another, within
   * `retry.maxRetries`, the retry budget and the deadline. Resolves or rejects with what the last attempt gave.
   *
   * @throws what the last attempt threw; NoAvailableInstanceError; OverloadedError; DeadlineExceededError; DiscoveryError
   * when there is no list after `firstListTimeoutMs`; the signal's reason when it is aborted; LoadBalancerClosedError; InvalidOptionError
   */
  execute<T>(service: string, attempt: AttemptFunction<T>, options: ExecuteOptions<T> = noExecuteOptions): Promise<T> {
    // Not an async function: one more of them in each call is what a call can do without.
    try {
      const target = this.#use(service)
      if (typeof attempt !== 'function') checkFunction('attempt', attempt ?? null)
      if (options !== noExecuteOptions) checkExecuteOptions(options)
      const timeoutMs = options.timeoutMs ?? target.settings.timeoutMs
      const rank = options.criticality === undefined ? defaultRank : rankOf(options.criticality)
      const scope = new CallScope({ clock: this.#running, service, signal: options.signal, timeoutMs, rank })
      // Asked here: most calls are not observed.
      if (this.#calls.active || this.#events.wantsCalls) scope.observed = this.#calls.begin(service, options)
      return execute(target, attempt, options, scope)
    } catch (error) {
      this.#calls.refused(service, error)
      return Promise.reject(error)
    }
  }

  /**
   * Queries the discovery for the instances of `service`, or of every service in use, and resolves when the result is
   * applied. Use it if you know of a change: if instances refuse connections or vanish, the load balancer refreshes by
   * itself. Two queries are at least half a second apart; an earlier one waits.
   *
   * @throws the error of the discovery; LoadBalancerClosedError
   */
  async refresh(service?: string): Promise<void> {
    if (service !== undefined) return this.#use(service).refresh()
    this.#shutdown.throwIfBegun('every service')
    const settled = await Promise.allSettled(Array.from(this.#inUse.values(), (each) => each.refresh()))
    for (const result of settled) if (result.status === 'rejected') throw result.reason
  }

  /** The current state of `service`, or of every service: each instance, its state and the reason. Sends no query. */
  inspect(): ServiceSnapshot[]
  inspect(service: string): ServiceSnapshot
  inspect(service?: string): ServiceSnapshot | ServiceSnapshot[] {
    if (service === undefined) return Array.from(this.#services.byName.values(), (each) => each.snapshot())
    return this.#services.peek(service).snapshot()
  }

  /**
   * Controls a service at run time: drains instances, sets weights and shares, ends ejections. Sends no query.
   *
   * @throws UnknownServiceError unless `service` is configured or in use; InvalidOptionError; LoadBalancerClosedError
   */
  control(service: string, options: ControlOptions = {}): ServiceControl {
    return this.#services.control(service, options, () => this.#shutdown.throwIfBegun(service))
  }

  /**
   * Whether the balancer of `service` uses the `hashKey` of a request: true with `ring-hash` and `maglev`, false with
   * the others. `undefined`: it is the application's own balancer, and does not declare it. Sends no query.
   */
  heedsHashKey(service: string): boolean | undefined {
    return this.#services.peek(service).heedsHashKey
  }

  /**
   * Calls `listener` with every event, or with those of `types`, until the returned function is called. Costs nothing
   * without listeners, and almost nothing if none of them listens to `request-finished`. After `close()`, a listener gets `closed` at once.
   *
   * @throws InvalidOptionError
   */
  subscribe(listener: LoadBalancerListener, types?: readonly LoadBalancerEvent['type'][]): () => void {
    checkFunction('listener', listener ?? null)
    if (types !== undefined) checkEventTypes(types)
    return this.#events.subscribe(listener, types)
  }

  /**
   * Observes every call that begins from now on, until the returned function is called: its begin, its attempts, and its end. An observer
   * may run an attempt within a context of its own, as a tracer does. Costs nothing without observers.
   *
   * @throws InvalidOptionError
   */
  observe(observer: CallObserver): () => void {
    return this.#calls.observe(observer)
  }

  /** Emits an event of an adapter. Without listeners, and after `close()`, nothing happens. */
  emit(event: AdapterEvent): void {
    this.#events.emit(event)
  }

  /**
   * Ends every watch and timer, and closes the discoveries that no other load balancer uses. From now on every call is refused with a
   * LoadBalancerClosedError. Calls under way may end as ever for `drainMs`. Then those that still wait reject with that error, or, when
   * they wait for a retry, end with the result they have (an error has LB_CLOSED as its innermost cause); requests in flight finish. A
   * second call gives the same promise, and its `drainMs`, if that ends sooner, holds.
   *
   * @throws InvalidOptionError; DiscoveryError when a discovery could not be closed within 10 s
   */
  close({ drainMs = 0 }: CloseOptions = {}): Promise<void> {
    return this.#shutdown.begin(drainMs)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #use(service: string): Service {
    const known = this.#inUse.get(service)
    if (known !== undefined) return known
    this.#shutdown.throwIfBegun(service)
    return this.#services.start(service)
  }
}
