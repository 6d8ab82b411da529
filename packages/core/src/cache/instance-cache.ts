import type { CancelTimer, Clock } from '../clock.ts'
import type { DiscoveryObserver, DiscoverySubscription, ServiceDiscovery } from '../discovery/discovery.ts'
import { poll } from '../discovery/poll.ts'
import { DiscoveryError, LoadBalancerClosedError } from '../errors.ts'
import type { EventChannel } from '../events.ts'
import type { ServiceInstance } from '../instance.ts'
import { jittered, type Random } from '../random.ts'
import { diffInstances, type InstancesDiff } from './diff-instances.ts'
import { EmptyAnswer } from './empty-answer.ts'
import { parseAnswer } from './parse-answer.ts'

export interface InstanceCacheOptions {
  readonly service: string
  /** What the discovery is asked for. */
  readonly nameInRegistry: string
  readonly discovery: ServiceDiscovery
  /** For a discovery that is polled. */
  readonly refreshIntervalMs: number
  /** How long a list may be served after the discovery began to fail. */
  readonly maxStaleMs: number
  /** How long an empty answer is held back; `undefined`: until another refresh confirms it. */
  readonly emptyGraceMs: number | undefined
  readonly clock: Clock
  readonly random: Random
  readonly events: EventChannel
  /** The list changed. Not called for an identical list, but always for the first one, even when empty. */
  readonly onChange: (diff: InstancesDiff) => void
}

/**
 * Where the list stands:
 * - `waiting`: no answer yet (`error`: why, when the discovery failed meanwhile)
 * - `fresh`: the last thing the discovery said was this list
 * - `stale`: the discovery fails since `sinceMs`; its last good list is served
 * - `expired`: it failed for longer than `maxStaleMs`; the list was dropped
 */
export type ListState =
  | { readonly kind: 'waiting'; readonly sinceMs: number; readonly error?: unknown }
  | { readonly kind: 'fresh'; readonly sinceMs: number }
  | { readonly kind: 'stale'; readonly sinceMs: number; readonly error: unknown }
  | { readonly kind: 'expired'; readonly sinceMs: number; readonly error: unknown }
  | { readonly kind: 'closed'; readonly sinceMs: number }

const resubscribeMinMs = 1_000
const resubscribeMaxMs = 30_000

const emptyDiff: InstancesDiff = Object.freeze({ instances: [], added: [], removed: [], updated: [] })

/**
 * Remembers the instances of one service: the last good list.
 *
 * One refresh is in flight at a time, on the discovery's own clock, never in the path of a request. A failure keeps
 * the list (stale); an empty answer is applied only when confirmed; an identical list changes nothing; what comes
 * after `close()` is dropped.
 */
export class InstanceCache {
  readonly #options: InstanceCacheOptions
  readonly #empty: EmptyAnswer
  readonly #observer: DiscoveryObserver = {
    next: (answer) => this.#atOnce(() => this.#receive(answer)),
    error: (cause) => this.#fail(cause),
  }
  #state: ListState
  #instances: readonly ServiceInstance[] = []
  #answeredAtMs: number
  #subscription: DiscoverySubscription | undefined
  #subscribeFailures = 0
  #cancelExpiry: CancelTimer | undefined
  #cancelResubscribe: CancelTimer | undefined
  #waiters: ((error?: LoadBalancerClosedError) => void)[] = []

  constructor(options: InstanceCacheOptions) {
    this.#options = options
    this.#empty = new EmptyAnswer({
      ...options,
      observer: this.#observer,
      onGraceEnded: () => this.#atOnce(() => this.#graceEnded()),
    })
    this.#answeredAtMs = options.clock.now()
    this.#state = { kind: 'waiting', sinceMs: this.#answeredAtMs }
  }

  /** The list as it is now; empty while waiting. Replaced, never changed in place. */
  get instances(): readonly ServiceInstance[] {
    return this.#instances
  }

  get state(): ListState {
    return this.#state
  }

  /** Milliseconds since the discovery last answered. */
  get ageMs(): number {
    return this.#options.clock.now() - this.#answeredAtMs
  }

  /** Begins to watch or poll. */
  start(): void {
    this.#subscribe()
  }

  /** Calls `listener` once when the first list is known, at once when it is; the error says why it never will be. */
  onFirstList(listener: (error?: LoadBalancerClosedError) => void): () => void {
    if (this.#state.kind === 'closed') listener(this.#closedError())
    else if (this.#state.kind !== 'waiting') listener()
    else this.#waiters.push(listener)
    return () => {
      this.#waiters = this.#waiters.filter((other) => other !== listener)
    }
  }

  /** Ends the watch and every timer. */
  close(): void {
    if (this.#closed) return
    this.#state = { kind: 'closed', sinceMs: this.#options.clock.now() }
    this.#cancelExpiry?.()
    this.#cancelResubscribe?.()
    this.#empty.release()
    this.#closeQuietly(this.#subscription)
    this.#subscription = undefined
    this.#tellWaiters(this.#closedError())
  }

  // Listeners are the application's code: any of them may close the load balancer.
  get #closed(): boolean {
    return this.#state.kind === 'closed'
  }

  #subscribe(): void {
    const { discovery, nameInRegistry, refreshIntervalMs: intervalMs, clock, random } = this.#options
    if (typeof discovery.watch !== 'function') {
      const watch = poll((name, options) => discovery.getInstances(name, options), {
        intervalMs,
        clock,
        random,
      })
      this.#keep(watch(nameInRegistry, this.#observer))
      return
    }
    try {
      this.#keep(discovery.watch(nameInRegistry, this.#observer))
      this.#subscribeFailures = 0
    } catch (cause) {
      this.#fail(cause)
      if (this.#closed) return
      const delayMs = Math.min(resubscribeMaxMs, resubscribeMinMs * 2 ** Math.min(this.#subscribeFailures++, 30))
      this.#cancelResubscribe = clock.setTimeout(() => this.#subscribe(), jittered(delayMs, 0.5, random), {
        background: true,
      })
    }
  }

  // The observer may have been called, and the cache closed by it, before `watch` returned.
  #keep(subscription: DiscoverySubscription): void {
    if (this.#closed) this.#closeQuietly(subscription)
    else this.#subscription = subscription
  }

  /** Listeners find the list that `step` leaves, not one on the way there. */
  #atOnce(step: () => void): void {
    const { events } = this.#options
    events.hold()
    try {
      step()
    } finally {
      events.release()
    }
  }

  #receive(answer: unknown): void {
    if (this.#closed) return
    const { service, events } = this.#options
    let instances: readonly ServiceInstance[]
    try {
      const parsed = parseAnswer(service, answer)
      instances = parsed.instances
      for (const error of parsed.rejected) events.emit({ type: 'instance-rejected', service, error })
      if (this.#closed) return
    } catch (error) {
      this.#fail(error)
      return
    }
    if (instances.length === 0 && this.#instances.length > 0 && !this.#empty.isConfirmed) this.#holdEmpty()
    else this.#tryApply(instances)
  }

  #holdEmpty(): void {
    this.#answered()
    if (this.#empty.held || this.#closed) return
    this.#empty.hold()
    const { service, events } = this.#options
    events.emit({ type: 'empty-list-held', service })
  }

  // A discovery that failed after its empty answer did not confirm it.
  #graceEnded(): void {
    if (this.#state.kind === 'fresh') this.#tryApply([])
    else this.#empty.release()
  }

  // What listens to changes includes balancers of the application. One that throws gets the change again with the next
  // answer, as if this one had not come.
  #tryApply(instances: readonly ServiceInstance[]): void {
    const { service } = this.#options
    const [list, state] = [this.#instances, this.#state]
    try {
      this.#apply(instances)
    } catch (cause) {
      this.#instances = list
      if (state.kind === 'waiting') this.#state = state
      this.#fail(
        new DiscoveryError(`${service}: the list could not be applied: ${messageOf(cause)}`, { service, cause }),
      )
    }
  }

  #apply(instances: readonly ServiceInstance[]): void {
    this.#empty.release()
    const first = this.#state.kind === 'waiting'
    this.#answered()
    if (this.#closed) return
    const diff = diffInstances(this.#instances, instances)
    if (diff !== undefined) this.#change(diff)
    else if (first) this.#options.onChange(emptyDiff)
    if (first) this.#tellWaiters()
  }

  #change(diff: InstancesDiff): void {
    const { onChange } = this.#options
    this.#instances = diff.instances
    onChange(diff)
    this.#tellChange(diff)
  }

  #tellChange(diff: InstancesDiff): void {
    const { service, events } = this.#options
    if (!events.active) return
    const { added, removed, updated } = diff
    events.emit({ type: 'instances-changed', service, added, removed, updated, total: diff.instances.length })
  }

  #answered(): void {
    const { clock, events, service } = this.#options
    const now = clock.now()
    const before = this.#state
    this.#answeredAtMs = now
    this.#state = { kind: 'fresh', sinceMs: now }
    this.#cancelExpiry?.()
    this.#cancelExpiry = undefined
    if (before.kind === 'stale' || before.kind === 'expired') {
      events.emit({ type: 'discovery-recovered', service, staleForMs: now - before.sinceMs })
    }
  }

  #fail(cause: unknown): void {
    const { service, clock, events, maxStaleMs } = this.#options
    const { kind, sinceMs } = this.#state
    if (kind === 'closed') return
    if (kind === 'fresh') {
      this.#state = { kind: 'stale', sinceMs: clock.now(), error: cause }
      if (maxStaleMs !== Number.POSITIVE_INFINITY) {
        this.#cancelExpiry = clock.setTimeout(() => this.#atOnce(() => this.#expire()), maxStaleMs, {
          background: true,
        })
      }
    } else {
      this.#state = { kind, sinceMs, error: cause }
    }
    if (!events.active) return
    const stale = this.#state.kind === 'stale'
    events.emit({ type: 'discovery-failed', service, error: asDiscoveryError(service, cause), stale })
  }

  #expire(): void {
    const { service, clock, events } = this.#options
    if (this.#state.kind !== 'stale') return
    const { sinceMs, error } = this.#state
    this.#empty.release()
    this.#state = { kind: 'expired', sinceMs, error }
    const diff = diffInstances(this.#instances, [])
    if (diff !== undefined) this.#drop(diff)
    events.emit({ type: 'list-expired', service, staleForMs: clock.now() - sinceMs })
  }

  // A balancer of the application's that throws keeps no list in use.
  #drop(diff: InstancesDiff): void {
    this.#instances = diff.instances
    try {
      this.#options.onChange(diff)
    } catch {
      // It was emitted.
    }
    this.#tellChange(diff)
  }

  #tellWaiters(error?: LoadBalancerClosedError): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) waiter(error)
  }

  #closedError(): LoadBalancerClosedError {
    const { service } = this.#options
    return new LoadBalancerClosedError(`${service}: the load balancer was closed`, { service })
  }

  #closeQuietly(subscription: DiscoverySubscription | undefined): void {
    try {
      subscription?.close()
    } catch (cause) {
      const { service, events } = this.#options
      events.emit({
        type: 'discovery-failed',
        service,
        error: asDiscoveryError(service, cause),
        stale: false,
      })
    }
  }
}

/** `cause` as the error that events and callers get. */
export function asDiscoveryError(service: string, cause: unknown): DiscoveryError {
  if (cause instanceof DiscoveryError) return cause
  return new DiscoveryError(`${service}: the discovery failed: ${messageOf(cause)}`, { service, cause })
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
