import type { CacheEvent } from '../cache/cache-event.ts'
import type { Ejection, ReturnedBy } from '../health/outliers/ejection.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import type { Outcome } from '../instance/outcome.ts'

/** What `LoadBalancer.subscribe` tells, told apart by `type`. */
export type LoadBalancerEvent =
  | CacheEvent
  /** A removed instance has no request in flight any more, and gets none: it finished the last one, or was kept until now. Its id may be that of another one by now. */
  | { readonly type: 'instance-drained'; readonly service: string; readonly instance: ServiceInstance }
  /** Active checks of an instance changed their mind; `reason` is what the last one found. */
  | {
      readonly type: 'instance-health-changed'
      readonly service: string
      readonly instance: ServiceInstance
      readonly status: 'healthy' | 'unhealthy'
      readonly reason: string
    }
  /**
   * The answers of an instance are so bad that it is taken out for `forMs`; or would be (`enforced: false`), but
   * `unenforcedBecause` says what keeps it in.
   */
  | ({
      readonly type: 'instance-ejected'
      readonly service: string
      readonly instance: ServiceInstance
    } & Omit<Ejection, 'id'>)
  /** An ejection is over: one request (`half-open`) tries whether the instance is back. */
  | { readonly type: 'instance-half-open'; readonly service: string; readonly instance: ServiceInstance }
  /** An ejected instance is back: its probe request or an active check went well, or too many are ejected by now. */
  | {
      readonly type: 'instance-returned'
      readonly service: string
      readonly instance: ServiceInstance
      readonly by: ReturnedBy
    }
  /** The registry no longer lists an instance that passes its checks; it is used for at most `forMs` more. */
  | {
      readonly type: 'instance-kept'
      readonly service: string
      readonly instance: ServiceInstance
      readonly forMs: number
    }
  /** Panic began, or its reason changed: too few instances are healthy. `undefined`: it is over. */
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
  /** A call was refused before it was sent: `queue-full`, `queue-timeout` or `throttled`. */
  | {
      readonly type: 'call-refused'
      readonly service: string
      readonly because: 'queue-full' | 'queue-timeout' | 'throttled'
    }
  /** A call gave a `hashKey`, but `balancer` does not hash: equal keys go to any instance. Once for each service. */
  | { readonly type: 'hash-key-ignored'; readonly service: string; readonly balancer: string }
  /** Weights differ, but `balancer` ignores them. Once, until they are equal again. */
  | { readonly type: 'weights-ignored'; readonly service: string; readonly balancer: string }
  /** A name that nobody configured and the discovery does not know was forgotten, with its watch. */
  | { readonly type: 'service-released'; readonly service: string }
  /**
   * A request was sent past the load balancer: the host of its URL is the name of this service, but a port makes it one server's. Emitted
   * once for a service.
   */
  | { readonly type: 'service-bypassed'; readonly service: string; readonly authority: string }
  /** A listener threw; told to the other listeners. */
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
  /** The load balancer was closed. */
  | { readonly type: 'closed' }

/** Code of the application that is called on the way, besides listeners. */
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

/** Emits that code of the application threw `error`. */
export type CallbackFailed = (callback: ApplicationCallback, error: unknown) => void

export type LoadBalancerListener = (event: LoadBalancerEvent) => void

/**
 * Listeners of one load balancer. Emitters ask `active` first, so that unused events cost nothing.
 *
 * A listener finds the state that its event speaks of: events that are emitted while something is changed, or while another event is
 * delivered, come afterwards, in their order.
 */
export class EventChannel {
  /** Whether an event would reach a listener. Changed here alone. */
  active = false
  #listeners: readonly LoadBalancerListener[] = []
  /** Emitted and not delivered yet. */
  #waiting: LoadBalancerEvent[] = []
  #holds = 0
  #delivering = false
  #ending = false

  subscribe(listener: LoadBalancerListener): () => void {
    const entry: LoadBalancerListener = (event) => listener(event)
    this.#setListeners([...this.#listeners, entry])
    return () => this.#setListeners(this.#listeners.filter((other) => other !== entry))
  }

  /** A listener that throws does not keep the others, or the caller, from going on. */
  emit(event: LoadBalancerEvent): void {
    if (!this.active) return
    this.#waiting.push(event)
    this.#deliver()
  }

  /** Code of the application threw `error`. */
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

  /** Nothing is emitted any more; what was emitted before still reaches the listeners. */
  clear(): void {
    this.#ending = true
    this.#setListeners(this.#waiting.length === 0 ? [] : this.#listeners)
  }

  #setListeners(listeners: readonly LoadBalancerListener[]): void {
    this.#listeners = listeners
    this.active = listeners.length > 0 && !this.#ending
  }

  #deliver(): void {
    if (this.#delivering || this.#holds > 0) return
    this.#delivering = true
    try {
      // Listeners emit more.
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) this.#tell(next)
    } finally {
      this.#delivering = false
    }
    if (this.#ending) this.#listeners = []
  }

  #tell(event: LoadBalancerEvent): void {
    for (const listener of this.#listeners) {
      // It may have been unsubscribed by one before it.
      if (!this.#listeners.includes(listener)) continue
      try {
        listener(event)
      } catch (error) {
        this.#tellOthers(listener, error)
      }
    }
  }

  #tellOthers(failed: LoadBalancerListener, error: unknown): void {
    for (const listener of this.#listeners) {
      if (listener === failed) continue
      try {
        listener({ type: 'listener-failed', error })
      } catch {
        // Nobody is left to tell.
      }
    }
  }
}
