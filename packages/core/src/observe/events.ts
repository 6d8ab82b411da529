import { onLateRejection } from '../base/late-rejection.ts'
import type { CacheEvent } from '../cache/cache-event.ts'
import type { Ejection, ReturnedBy } from '../health/outliers/ejection.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import type { Outcome } from '../instance/outcome.ts'

/** The events of `LoadBalancer.subscribe`, distinguished by `type`. */
export type LoadBalancerEvent =
  | CacheEvent
  /** A removed instance has no request in flight any more and gets no new one. Another instance may have its id by now. */
  | { readonly type: 'instance-drained'; readonly service: string; readonly instance: ServiceInstance }
  /** Active checks of an instance changed its status; `reason` is the finding of the last one. */
  | {
      readonly type: 'instance-health-changed'
      readonly service: string
      readonly instance: ServiceInstance
      readonly status: 'healthy' | 'unhealthy'
      readonly reason: string
    }
  /**
   * An instance is ejected for `forMs` because of its responses; or it would be (`enforced: false`), and
   * `unenforcedBecause` is the reason why it is not.
   */
  | ({
      readonly type: 'instance-ejected'
      readonly service: string
      readonly instance: ServiceInstance
    } & Omit<Ejection, 'id'>)
  /** An ejection is over: one request (`half-open`) tests whether the instance has recovered. */
  | { readonly type: 'instance-half-open'; readonly service: string; readonly instance: ServiceInstance }
  /** An ejected instance is back: its probe request or an active check succeeded, or too many are ejected by now. */
  | {
      readonly type: 'instance-returned'
      readonly service: string
      readonly instance: ServiceInstance
      readonly by: ReturnedBy
    }
  /** The registry no longer lists an instance that passes its checks; it is used for up to `forMs` longer. */
  | {
      readonly type: 'instance-kept'
      readonly service: string
      readonly instance: ServiceInstance
      readonly forMs: number
    }
  /** Panic started, or its reason changed: too few instances are healthy. `undefined`: it is over. */
  | { readonly type: 'panic-changed'; readonly service: string; readonly reason: string | undefined }
  /** Zone routing became active or inactive. */
  | {
      readonly type: 'zone-routing-changed'
      readonly service: string
      readonly active: boolean
      readonly reason: string
    }
  /** A pick was reported done: one request, or one attempt of it, is over. */
  | {
      readonly type: 'request-finished'
      readonly service: string
      readonly instance: ServiceInstance
      readonly outcome: Outcome
    }
  /** Attempt `number` failed on `instance`; the next one starts after `delayMs`. */
  | {
      readonly type: 'retry'
      readonly service: string
      readonly instance: ServiceInstance
      readonly number: number
      readonly error: unknown
      readonly delayMs: number
    }
  /** A retry was due but the retry budget is spent; the caller gets the failure. */
  | { readonly type: 'retry-budget-exhausted'; readonly service: string; readonly instance: ServiceInstance }
  /** Attempt `number` takes so long that another one was started beside it; the first good answer counts. */
  | {
      readonly type: 'hedge'
      readonly service: string
      readonly instance: ServiceInstance
      readonly number: number
    }
  /** A call was rejected before it was sent: `queue-full`, `queue-timeout` or `throttled`. */
  | {
      readonly type: 'call-refused'
      readonly service: string
      readonly because: 'queue-full' | 'queue-timeout' | 'throttled'
    }
  /** A call has a `hashKey`, but `balancer` does not hash: equal keys go to any instance. Once for each service. */
  | { readonly type: 'hash-key-ignored'; readonly service: string; readonly balancer: string }
  /** Weights differ, but `balancer` ignores them. Once, until they are equal again. */
  | { readonly type: 'weights-ignored'; readonly service: string; readonly balancer: string }
  /** A name that is not configured and that the discovery does not know was forgotten, with its watch. */
  | { readonly type: 'service-released'; readonly service: string }
  /**
   * A request was sent past the load balancer: the host of its URL is the name of this service, but a port makes it one server's. Emitted
   * once for a service.
   */
  | { readonly type: 'service-bypassed'; readonly service: string; readonly authority: string }
  /** A listener threw; emitted to the other listeners. */
  | { readonly type: 'listener-failed'; readonly error: unknown }
  /**
   * Code of the application threw: `callback` says which. A call that asked for its result gets the error; else the error changes
   * nothing. Without `service`: of the load balancer's `clock` or `random`.
   */
  | {
      readonly type: 'callback-failed'
      readonly service?: string | undefined
      readonly callback: ApplicationCallback
      readonly error: unknown
    }
  | AdapterEvent
  /** The load balancer was closed. */
  | { readonly type: 'closed' }

/** An event that an adapter emits: a gateway responded with a 5xx status of its own. */
export interface AdapterEvent {
  /** The kind of event. */
  readonly type: 'gateway-failed'
  /** The service that the request was for. */
  readonly service: string
  /** The status of the response. */
  readonly statusCode: number
  /** The method of the request. */
  readonly method: string
  /** Why the request failed. */
  readonly error: unknown
}

/** Application code that a load balancer calls, except for listeners. */
export type ApplicationCallback =
  | 'balancer'
  | 'balancer.update'
  | 'balancer.pick'
  | 'balancer.started'
  | 'balancer.finished'
  | 'onInterrupt'
  | 'classify'
  | 'discard'
  | 'clock.now'
  | 'clock.setTimeout'
  | 'random'

/** Emits that application code threw `error`. */
export type CallbackFailed = (callback: ApplicationCallback, error: unknown) => void

/** Receives every event of a load balancer. An error that it throws is emitted to the other listeners. */
export type LoadBalancerListener = (event: LoadBalancerEvent) => void

/** One listener, and what it listens to. */
interface Subscription {
  readonly listener: LoadBalancerListener
  /** `undefined`: every event. */
  readonly types: ReadonlySet<LoadBalancerEvent['type']> | undefined
}

function wants({ types }: Subscription, type: LoadBalancerEvent['type']): boolean {
  return types === undefined || types.has(type)
}

/**
 * The listeners of one load balancer. Emitters check `active` first, so that unused events cost nothing.
 *
 * A listener finds the state that its event describes: events that are emitted during a change, or while another event
 * is delivered, arrive afterwards, in order.
 */
export class EventChannel {
  /** Whether an event would reach a listener. Changed here alone. */
  active = false
  /** Whether `request-finished`, the one event that belongs to every request, would reach a listener. Changed here alone. */
  wantsRequests = false
  #subscriptions: readonly Subscription[] = []
  /** Emitted and not delivered yet. */
  #waiting: LoadBalancerEvent[] = []
  #holds = 0
  #delivering = false
  #ending = false

  subscribe(listener: LoadBalancerListener, types?: readonly LoadBalancerEvent['type'][]): () => void {
    const subscription: Subscription = { listener, types: types && new Set(types) }
    this.#setSubscriptions([...this.#subscriptions, subscription])
    return () => this.#setSubscriptions(this.#subscriptions.filter((other) => other !== subscription))
  }

  /** A listener that throws does not affect the other listeners or the caller. */
  emit(event: LoadBalancerEvent): void {
    if (!this.active) return
    this.#waiting.push(event)
    this.#deliver()
  }

  /** Emits that application code threw `error`. */
  callbackFailed(service: string | undefined, callback: ApplicationCallback, error: unknown): void {
    if (!this.active) return
    this.emit({ type: 'callback-failed', ...(service === undefined ? undefined : { service }), callback, error })
  }

  /** The state is about to change: events wait until `release`, which has to be called once for each `hold`. */
  hold(): void {
    this.#holds++
  }

  release(): void {
    this.#holds--
    if (this.#waiting.length > 0) this.#deliver()
  }

  /** Runs `step`, which changes the state: what it emits comes when it is done. */
  together<T>(step: () => T): T {
    this.hold()
    try {
      return step()
    } finally {
      this.release()
    }
  }

  /** Ends the channel. Events that were emitted before still reach the listeners. */
  clear(): void {
    this.#ending = true
    this.#setSubscriptions(this.#waiting.length === 0 ? [] : this.#subscriptions)
  }

  #setSubscriptions(subscriptions: readonly Subscription[]): void {
    this.#subscriptions = subscriptions
    this.active = subscriptions.length > 0 && !this.#ending
    this.wantsRequests = this.active && subscriptions.some((each) => wants(each, 'request-finished'))
  }

  #deliver(): void {
    if (this.#delivering || this.#holds > 0) return
    this.#delivering = true
    try {
      // Listeners emit more.
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) this.#deliverOne(next)
    } finally {
      this.#delivering = false
    }
    if (this.#ending) this.#subscriptions = []
  }

  #deliverOne(event: LoadBalancerEvent): void {
    for (const subscription of this.#subscriptions) {
      // An earlier listener may have unsubscribed it.
      if (!wants(subscription, event.type) || !this.#subscriptions.includes(subscription)) continue
      try {
        const result: unknown = subscription.listener(event)
        if (result !== undefined) onLateRejection(result, (error) => this.#failed(subscription, error))
      } catch (error) {
        this.#failed(subscription, error)
      }
    }
  }

  /** The listener of `failed` threw: the other ones receive an event about that. */
  #failed(failed: Subscription, error: unknown): void {
    for (const subscription of this.#subscriptions) {
      if (subscription === failed || !wants(subscription, 'listener-failed')) continue
      try {
        const result: unknown = subscription.listener({ type: 'listener-failed', error })
        // No listener is left for this error.
        onLateRejection(result, () => {})
      } catch {
        // No listener is left for this error.
      }
    }
  }
}
