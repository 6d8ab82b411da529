import type { CancelTimer } from '../base/clock.ts'
import { messageOf } from '../base/error-message.ts'
import { DiscoveryError } from '../base/errors.ts'
import type { DiscoveryObserver, ListSample } from '../discovery/discovery.ts'
import { isSameAddress, type ServiceInstance } from '../instance/instance.ts'
import type { ConnectFailure } from '../retry/failure-kind.ts'
import { diffInstances, type InstancesDiff } from './diff-instances.ts'
import { EmptyAnswer } from './empty-answer.ts'
import { type FirstListListener, FirstListWaiters } from './first-list-waiters.ts'
import type { InstanceCacheOptions } from './instance-cache-options.ts'
import { ListRefresh } from './list-refresh.ts'
import { ListSource } from './list-source.ts'
import { asDiscoveryError, closedError, type ListState } from './list-state.ts'
import { MissingInstances } from './missing-instances.ts'
import { parseAnswer } from './parse-answer.ts'

const emptyDiff: InstancesDiff = Object.freeze({ instances: [], added: [], removed: [], updated: [] })

/**
 * Remembers the instances of one service: the last good list.
 *
 * One refresh is in flight at a time, on the discovery's own clock, never in the path of a request. A failure keeps
 * the list (stale); an empty answer is applied only when confirmed; an identical list changes nothing; what comes
 * after `close()` is dropped.
 */
export class InstanceCache {
  state: ListState
  /** Counts the changes of the list. */
  version = 0
  /** Instances that the last list lacks, and that stay for a while. */
  readonly missing: MissingInstances
  readonly #options: InstanceCacheOptions
  readonly #empty: EmptyAnswer
  readonly #source: ListSource
  readonly #refresh: ListRefresh
  readonly #observer: DiscoveryObserver = {
    next: (answer, rejected, sample) => this.#receive(answer, rejected, sample),
    error: (cause) => this.#fail(cause),
  }
  #instances: readonly ServiceInstance[] = []
  /** The same instances in the order of the last list, as far as they are known to be the same: the next list will have it. */
  #ordered: readonly ServiceInstance[] = []
  /** Whether another list than `#instances` was given on, and not taken. */
  #isBehind = false
  #answeredAtMs: number
  #cancelExpiry: CancelTimer | undefined
  readonly #waiters = new FirstListWaiters()

  constructor(options: InstanceCacheOptions) {
    this.#options = options
    const { nameInRegistry, discovery, refreshIntervalMs, clock, pollClock, random, isOut = () => false } = options
    // Not spread: with thousands of services, copies of all options are much of what they keep.
    this.missing = new MissingInstances({ clock, isOut })
    this.#empty = new EmptyAnswer(() => ({
      ...options,
      observer: { ...this.#observer, next: (answer) => this.#receive(answer, undefined, this.#source.sample) },
      onGraceEnded: () => options.events.together(() => this.#graceEnded()),
    }))
    this.#source = new ListSource({
      nameInRegistry,
      discovery,
      refreshIntervalMs,
      clock,
      pollClock,
      random,
      observer: this.#observer,
      onAskFailed: (cause) => this.#refresh.failed(cause),
      onCloseFailed: (cause) => this.#emitFailure(cause, false),
    })
    this.#refresh = new ListRefresh({ clock, random, maxGapMs: refreshIntervalMs, ask: () => this.#source.ask() })
    this.#answeredAtMs = options.clock.now()
    this.state = { kind: 'waiting', sinceMs: this.#answeredAtMs }
  }

  /** The list as it is now; empty while waiting. Replaced, never changed in place. */
  get instances(): readonly ServiceInstance[] {
    return this.#instances
  }

  /** Milliseconds since the discovery last answered. */
  get ageMs(): number {
    return this.#options.clock.now() - this.#answeredAtMs
  }

  /** Begins to watch or poll. */
  start(): void {
    this.#source.start()
  }

  /**
   * The list may be old, as instances refuse or vanished: the discovery is asked soon, if that is of use. It is not for a service that
   * never had an instance, which may be a mistake in a name.
   */
  doubt(): void {
    if (this.#refreshable && this.version > 0 && !this.#closed) this.#refresh.hint()
  }

  /** A connection to `instance` failed. The list may be old; if the last one lacks the instance, too, it is gone. */
  unreached(instance: ServiceInstance, failure: ConnectFailure): void {
    // One that was too slow may be there.
    if (failure !== 'connect') this.#removeIfMissing(instance)
    this.doubt()
  }

  /** Asks the discovery. Settles with what comes of it, be it the same list. */
  refresh(): Promise<void> {
    if (this.#closed) return Promise.reject(closedError(this.#options.service))
    return this.#refreshable ? this.#refresh.refresh() : Promise.resolve()
  }

  /** Whether an answer is to come that was asked for by `untilMs`. Sees to it that the discovery is asked. */
  expectsAnswerBy(untilMs: number): boolean {
    this.doubt()
    return this.#refresh.isExpectedBy(untilMs)
  }

  /** Calls `listener` at every answer, and when a question failed. */
  onAnswer(listener: () => void): () => void {
    return this.#refresh.onSettled(listener)
  }

  /** Calls `listener` once when the first list is known, at once when it is; the error says why it never will be. */
  onFirstList(listener: FirstListListener): () => void {
    if (this.state.kind === 'waiting') return this.#waiters.add(listener)
    listener(this.#closed ? closedError(this.#options.service) : undefined)
    return () => {}
  }

  /** Ends the watch and every timer. */
  close(): void {
    if (this.#closed) return
    this.state = { kind: 'closed', sinceMs: this.#options.clock.now() }
    this.#cancelExpiry?.()
    this.#empty.release()
    this.#source.close()
    this.#refresh.close(closedError(this.#options.service))
    this.#waiters.settle(closedError(this.#options.service))
  }

  // Listeners are the application's code: any of them may close the load balancer.
  get #closed(): boolean {
    return this.state.kind === 'closed'
  }

  get #refreshable(): boolean {
    return this.#options.discovery.refreshable !== false
  }

  #receive(answer: unknown, rejected: unknown, sample: ListSample | undefined): void {
    if (this.#closed) return
    const [asked, before] = [this.#refresh.asking, this.version]
    this.#options.events.together(() => this.#take(answer, rejected, sample))
    if (this.#closed) return
    const changed = this.version !== before
    this.#refresh.answered(changed)
    // A server that lags behind may have answered, and a watch says nothing again until something changes.
    if (asked && changed && this.#source.pushes) this.doubt()
  }

  #take(answer: unknown, rejected: unknown, sample: ListSample | undefined): void {
    const { service, events } = this.#options
    let instances: readonly ServiceInstance[]
    try {
      const parsed = parseAnswer(service, answer, rejected, this.#ordered)
      instances = parsed.instances
      for (const error of parsed.rejected) events.emit({ type: 'instance-rejected', service, error })
      if (this.#closed) return
    } catch (error) {
      this.#fail(error)
      return
    }
    const isDoubtful = instances.length === 0 && this.#instances.length > 0
    if (isDoubtful && !this.#empty.isConfirmed(this.#refresh.asking)) this.#holdEmpty()
    else this.#tryApply(instances, sample)
  }

  #holdEmpty(): void {
    this.#answered()
    if (this.#empty.held || this.#closed) return
    this.#empty.hold()
    this.#options.events.emit({ type: 'empty-list-held', service: this.#options.service })
  }

  // A discovery that failed after its empty answer did not confirm it.
  #graceEnded(): void {
    if (this.state.kind === 'fresh') this.#tryApply([])
    else this.#empty.release()
  }

  // What listens to changes includes balancers of the application. One that throws gets the change again with the next
  // answer, as if this one had not come.
  #tryApply(instances: readonly ServiceInstance[], sample?: ListSample): void {
    const { service } = this.#options
    const [list, state] = [this.#instances, this.state]
    try {
      this.#apply(this.missing.complete(list, instances, sample))
    } catch (cause) {
      this.#instances = list
      this.#ordered = list
      this.#isBehind = true
      if (state.kind === 'waiting') this.state = state
      this.#fail(
        new DiscoveryError(`${service}: the list could not be applied: ${messageOf(cause)}`, { service, cause }),
      )
    }
  }

  #apply(instances: readonly ServiceInstance[]): void {
    this.#empty.release()
    const first = this.state.kind === 'waiting'
    this.#answered()
    if (this.#closed) return
    const diff = diffInstances(this.#instances, instances, this.#ordered)
    this.#ordered = diff?.added.length === instances.length ? diff.instances : instances
    if (diff !== undefined) {
      this.#instances = diff.instances
      this.#options.onChange(diff)
      this.version++
      this.#emitChange(diff)
    } else if (first || this.#isBehind) this.#options.onChange({ ...emptyDiff, instances: this.#instances })
    this.#isBehind = false
    if (first) this.#waiters.settle()
  }

  #emitChange(diff: InstancesDiff): void {
    const { service, events } = this.#options
    if (!events.active) return
    const { added, removed, updated } = diff
    events.emit({ type: 'instances-changed', service, added, removed, updated, total: diff.instances.length })
  }

  #answered(): void {
    const { clock, events, service } = this.#options
    const now = clock.now()
    const before = this.state
    this.#answeredAtMs = now
    this.state = { kind: 'fresh', sinceMs: now }
    this.#cancelExpiry?.()
    this.#cancelExpiry = undefined
    if (before.kind === 'stale' || before.kind === 'expired') {
      events.emit({ type: 'discovery-recovered', service, staleForMs: now - before.sinceMs })
    }
  }

  #fail(thrown: unknown): void {
    const { clock, maxStaleMs, service } = this.#options
    // `undefined` can be thrown too, but means in a state that nothing was.
    const cause = thrown ?? new DiscoveryError(`${service}: the discovery failed without an error`, { service })
    const { kind, sinceMs } = this.state
    if (kind === 'closed') return
    if (kind === 'fresh') {
      this.state = { kind: 'stale', sinceMs: clock.now(), error: cause }
      if (maxStaleMs !== Number.POSITIVE_INFINITY) {
        this.#cancelExpiry = clock.setTimeout(() => this.#options.events.together(() => this.#expire()), maxStaleMs, {
          background: true,
        })
      }
    } else {
      this.state = { kind, sinceMs, error: cause }
    }
    this.#emitFailure(cause, this.state.kind === 'stale')
  }

  #emitFailure(cause: unknown, stale: boolean): void {
    const { service, events } = this.#options
    if (events.active) {
      events.emit({ type: 'discovery-failed', service, error: asDiscoveryError(service, cause), stale })
    }
  }

  #expire(): void {
    const { service, clock, events } = this.#options
    if (this.state.kind !== 'stale') return
    const { sinceMs, error } = this.state
    this.#empty.release()
    this.state = { kind: 'expired', sinceMs, error }
    this.#reduceTo([])
    events.emit({ type: 'list-expired', service, staleForMs: clock.now() - sinceMs })
  }

  #removeIfMissing(instance: ServiceInstance): void {
    const others = this.#instances.filter((other) => other.id !== instance.id || !isSameAddress(other, instance))
    if (others.length === this.#instances.length || !this.missing.delete(instance.id)) return
    this.#options.events.together(() => this.#reduceTo(others))
  }

  // A balancer of the application's that throws keeps no instance in use.
  #reduceTo(instances: readonly ServiceInstance[]): void {
    const diff = diffInstances(this.#instances, instances)
    if (diff === undefined && !this.#isBehind) return
    this.#instances = instances
    this.#ordered = instances
    try {
      this.#options.onChange(diff ?? { ...emptyDiff, instances })
    } catch {
      // It was emitted.
    }
    if (diff !== undefined) this.#emitChange(diff)
  }
}
