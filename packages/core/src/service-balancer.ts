import type { Balancer, Outcome, PickRequest } from './balancer/balancer.ts'
import { balancerByName } from './balancer/balancer-by-name.ts'
import { RoundRobinBalancer } from './balancer/round-robin.ts'
import { SmoothWeightedRoundRobinBalancer } from './balancer/smooth-weighted-round-robin.ts'
import type { InstancesDiff } from './cache/diff-instances.ts'
import { asDiscoveryError, InstanceCache } from './cache/instance-cache.ts'
import type { CallScope } from './call-scope.ts'
import type { CancelTimer, Clock } from './clock.ts'
import { DiscoveryError, NoAvailableInstanceError } from './errors.ts'
import type { EventChannel } from './events.ts'
import { judgeEligibility } from './health/eligibility.ts'
import type { ServiceInstance } from './instance.ts'
import { InstanceRecord } from './instance-record.ts'
import { rejectOption } from './options.ts'
import { type PickResult, SinglePickResult } from './pick-result.ts'
import type { Random } from './random.ts'
import { RetryBudget } from './retry/retry-budget.ts'
import type { ServiceSettings } from './service-options.ts'
import type { ServiceSnapshot } from './snapshot.ts'

export interface ServiceBalancerOptions {
  readonly service: string
  readonly settings: ServiceSettings
  readonly clock: Clock
  readonly random: Random
  readonly events: EventChannel
  /** The discovery does not know the service: it says there is no instance, or gave no list in time. */
  readonly onUnknown?: () => void
}

/** One service with everything wired: cache → eligibility → balancer, requests in flight and the retry budget. */
export class ServiceBalancer {
  readonly service: string
  readonly settings: ServiceSettings
  readonly clock: Clock
  readonly random: Random
  readonly events: EventChannel
  readonly budget: RetryBudget | undefined
  /** Calls that wait or back off; closing ends them. */
  readonly waiting: Set<CallScope> = new Set()
  readonly #cache: InstanceCache
  readonly #onUnknown: (() => void) | undefined
  readonly #records = new Map<string, InstanceRecord>()
  #balancer: Balancer
  #candidates: readonly ServiceInstance[] = []
  #started = false
  #closed = false
  /** Whether it ever had an instance: one that was scaled to zero is not unknown. */
  #known = false
  #inFlight = 0
  #cancelUnknownTimer: CancelTimer | undefined

  /** @throws InvalidOptionError when the balancer option gives something that is no Balancer */
  constructor({ service, settings, clock, random, events, onUnknown }: ServiceBalancerOptions) {
    this.service = service
    this.settings = settings
    this.clock = clock
    this.random = random
    this.events = events
    this.#onUnknown = onUnknown
    this.#balancer = this.#newBalancer()
    const { budget } = settings.retry
    this.budget = budget === false ? undefined : new RetryBudget({ ...budget, clock })
    this.#cache = new InstanceCache({
      service,
      discovery: settings.discovery,
      refreshIntervalMs: settings.refreshIntervalMs,
      maxStaleMs: settings.maxStaleMs,
      emptyGraceMs: settings.emptyGraceMs,
      clock,
      random,
      events,
      onChange: (diff) => this.#change(diff),
    })
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get closed(): boolean {
    return this.#closed
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

  /** Ends the watch; calls that wait for the first list, or back off, reject with `error`. */
  close(error: Error): void {
    this.#closed = true
    const waiting = [...this.waiting]
    this.waiting.clear()
    for (const scope of waiting) scope.end(error)
    this.#cancelUnknownTimer?.()
    this.#cache.close()
  }

  /** Waits for the first list, at most `firstListTimeoutMs`. */
  async firstList(scope: CallScope): Promise<void> {
    if (this.hasList) return
    let cancelTimer: CancelTimer = () => {}
    let unsubscribe: () => void = () => {}
    this.waiting.add(scope)
    try {
      await scope.run<void>((resolve, reject) => {
        unsubscribe = this.#cache.onFirstList((error) => (error === undefined ? resolve() : reject(error)))
        cancelTimer = this.clock.setTimeout(() => reject(this.noListError()), this.settings.firstListTimeoutMs)
      })
    } finally {
      this.waiting.delete(scope)
      cancelTimer()
      unsubscribe()
    }
  }

  /** Whether an instance that may be picked has none of these ids. */
  hasCandidateBeyond(ids: ReadonlySet<string>): boolean {
    return this.#candidates.some(({ id }) => !ids.has(id))
  }

  /** Chooses, and counts nothing. */
  pick(request?: PickRequest): ServiceInstance {
    const instance = this.#balancer.pick(request)
    if (instance === undefined) throw this.#noAvailableInstance()
    return instance
  }

  /** Chooses, and counts the request in flight until `done`. */
  acquire(request?: PickRequest): PickResult {
    const instance = this.pick(request)
    const record = this.#records.get(instance.id)
    // Only a balancer of the user's own can give an instance that it was not given.
    if (record === undefined) throw this.#noAvailableInstance()
    record.inFlight++
    this.#inFlight++
    this.#balancer.started?.(instance)
    return new SinglePickResult(instance, (outcome) => this.#finish(record, instance, outcome))
  }

  snapshot(): ServiceSnapshot {
    const now = this.clock.now()
    const { state, ageMs } = this.#cache
    return {
      service: this.service,
      status: !this.#started || state.kind === 'closed' ? 'unused' : state.kind,
      ...('error' in state && state.error !== undefined
        ? { discoveryError: asDiscoveryError(this.service, state.error).message }
        : undefined),
      discovery: className(this.settings.discovery),
      balancer: className(this.#balancer),
      listAgeMs: ageMs,
      inFlight: this.#inFlight,
      retryBudget: this.budget?.balance ?? Number.POSITIVE_INFINITY,
      instances: Array.from(this.#records.values(), (record) => record.snapshot(now)),
    }
  }

  /** Why there is no list. */
  noListError(): DiscoveryError {
    const { state, ageMs } = this.#cache
    const cause = state.kind === 'waiting' ? state.error : undefined
    const reason =
      cause === undefined ? 'it has not answered' : `it fails: ${asDiscoveryError(this.service, cause).message}`
    return new DiscoveryError(
      `${this.service}: no list of instances from ${className(this.settings.discovery)} after ${Math.round(ageMs)} ms; ${reason}`,
      { service: this.service, cause },
    )
  }

  #newBalancer(): Balancer {
    const { balancer } = this.settings
    if (typeof balancer !== 'function') return balancerByName(balancer ?? 'round-robin', this.random)
    const made: Balancer = balancer()
    if (typeof made?.update !== 'function' || typeof made.pick !== 'function') {
      rejectOption(`${this.service}.balancer()`, 'a Balancer with update and pick', made)
    }
    return made
  }

  #change({ instances, added, removed, updated }: InstancesDiff): void {
    const now = this.clock.now()
    for (const instance of removed) this.#remove(instance, now)
    for (const instance of added) {
      // It may be back while it still drains; its requests in flight are then its own again.
      const draining = this.#records.get(instance.id)
      if (draining === undefined) this.#records.set(instance.id, new InstanceRecord(instance, now))
      else draining.instance = instance
    }
    for (const instance of updated) (this.#records.get(instance.id) as InstanceRecord).instance = instance
    const { candidates, verdicts } = judgeEligibility(instances)
    for (const [index, instance] of instances.entries()) {
      this.#records.get(instance.id)?.enter(verdicts[index] as InstanceRecord['state'], now)
    }
    this.#candidates = candidates
    this.#followWeights(candidates)
    this.#balancer.update(candidates)
    this.#cancelUnknownTimer?.()
    if (instances.length > 0) this.#known = true
    else if (!this.#known) this.#tellUnknown()
  }

  // Later, so that the calls that wait for this list see it first.
  #tellUnknown(): void {
    const onUnknown = this.#onUnknown
    if (onUnknown === undefined) return
    void Promise.resolve().then(() => {
      if (this.#cache.state.kind === 'fresh' && this.#cache.instances.length === 0) onUnknown()
    })
  }

  #remove(instance: ServiceInstance, now: number): void {
    const record = this.#records.get(instance.id) as InstanceRecord
    if (record.inFlight > 0) record.enter('draining', now)
    else this.#records.delete(instance.id)
  }

  // Whoever gives weights wants them to count. It stays: weights that differ once will differ again.
  #followWeights(candidates: readonly ServiceInstance[]): void {
    if (this.settings.balancer !== undefined || !(this.#balancer instanceof RoundRobinBalancer)) return
    if (candidates.every((instance) => instance.weight === candidates[0]?.weight)) return
    this.#balancer = new SmoothWeightedRoundRobinBalancer({ random: this.random })
  }

  #finish(record: InstanceRecord, instance: ServiceInstance, outcome: Outcome): void {
    record.inFlight--
    this.#inFlight--
    if (outcome.ok) record.succeeded++
    else record.failed++
    this.#balancer.finished?.(instance, outcome)
    const { events, service } = this
    if (events.active) events.emit({ type: 'request-finished', service, instance, outcome })
    if (record.state !== 'draining' || record.inFlight > 0) return
    this.#records.delete(record.instance.id)
    if (events.active) events.emit({ type: 'instance-drained', service, instance })
  }

  #noAvailableInstance(): NoAvailableInstanceError {
    const { service } = this
    const { state, ageMs } = this.#cache
    const source = className(this.settings.discovery)
    const cause = 'error' in state ? state.error : undefined
    if (state.kind === 'waiting') {
      const advice = `the first list from ${source} is not known yet; await ready(${JSON.stringify(service)}) first`
      return new NoAvailableInstanceError(`${service}: no available instance (${advice})`, { service, cause })
    }
    const counts = new Map<string, number>()
    let known = 0
    for (const { state: each } of this.#records.values()) {
      if (each === 'draining') continue
      known++
      counts.set(each, (counts.get(each) ?? 0) + 1)
    }
    const states = Array.from(counts, ([each, count]) => `${count} ${each}`).join(', ')
    const age = `${state.kind === 'expired' ? 'expired ' : ''}list ${Math.round(ageMs / 1_000)} s old from ${source}`
    const knownText = states === '' ? `${known} known` : `${known} known: ${states}`
    return new NoAvailableInstanceError(`${service}: no available instance (${knownText}; ${age})`, {
      service,
      cause,
    })
  }
}

function className(value: object): string {
  const name = value.constructor?.name
  return name === undefined || name === '' || name === 'Object' ? 'a custom object' : name
}
