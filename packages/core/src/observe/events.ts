import type { CacheEvent } from '../cache/cache-event.ts'
import type { Ejection, ReturnedBy } from '../health/outliers/ejection.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import type { Outcome } from '../instance/outcome.ts'
import type { CallResult } from './call-observer.ts'

/**
 * - `debug`: belongs to a call, an attempt or a request, and is as frequent
 * - `info`: something changed as it should
 * - `warn`: something is wrong outside, or with the configuration; the load balancer goes on
 * - `error`: code of the application threw
 */
export type EventLevel = 'debug' | 'info' | 'warn' | 'error'

/**
 * The events of `LoadBalancer.subscribe`, distinguished by `type`. Those of a call have its number, `call`, which is unique in one load
 * balancer; 0: the call began when nothing listened to events of calls.
 */
export type LoadBalancerEvent = EventFields & {
  /** How much it matters. */
  readonly level: EventLevel
  /** The event as JSON, with its level; errors with their codes, messages and causes. `JSON.stringify` calls it. */
  toJSON(): Readonly<Record<string, unknown>>
}

/** What an event has of its own. */
export type EventFields =
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
  /** An ejected instance is back: its probe request or an active check succeeded, or as `by` says. */
  | {
      readonly type: 'instance-returned'
      readonly service: string
      readonly instance: ServiceInstance
      readonly by: ReturnedBy
    }
  /**
   * An override was set or taken back, or an ejection was ended, at run time: `by` did it. `weight` is given with `weight`; `shares`
   * with `shares`, unless they were taken back. `restored` without `by`: the instance is not in the list, and its override was the oldest of
   * more than 1 000 such overrides.
   */
  | {
      readonly type: 'override-changed'
      readonly service: string
      readonly by?: string | undefined
      readonly change: 'drained' | 'restored' | 'weight' | 'shares' | 'ejection-ended'
      readonly instanceId?: string | undefined
      readonly weight?: number | undefined
      readonly shares?: Readonly<Record<string, number>> | undefined
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
  /**
   * Nothing of a call is in flight any more, or the load balancer is closed. Emitted once for each call that began with a listener to events
   * of calls.
   */
  | ({
      readonly type: 'call-finished'
      readonly service: string
      readonly call: number
    } & CallResult)
  /** A pick was reported done: one request, or one attempt of it, is over. */
  | {
      readonly type: 'request-finished'
      readonly service: string
      readonly call: number
      readonly instance: ServiceInstance
      readonly outcome: Outcome
    }
  /** Attempt `number` failed on `instance`; the next one starts after `delayMs`. */
  | {
      readonly type: 'retry'
      readonly service: string
      readonly call: number
      readonly instance: ServiceInstance
      readonly number: number
      readonly error: unknown
      readonly delayMs: number
    }
  /** A retry was due but the retry budget is spent; the caller gets the failure. */
  | {
      readonly type: 'retry-budget-exhausted'
      readonly service: string
      readonly call: number
      readonly instance: ServiceInstance
    }
  /** Attempt `number` takes so long that another one was started beside it; the first good response counts. */
  | {
      readonly type: 'hedge'
      readonly service: string
      readonly call: number
      readonly instance: ServiceInstance
      readonly number: number
    }
  /** A call was rejected before it was sent: `queue-full`, `queue-timeout`, `shed`, `too-late` or `throttled`. */
  | {
      readonly type: 'call-refused'
      readonly service: string
      readonly call: number
      readonly because: 'queue-full' | 'queue-timeout' | 'shed' | 'too-late' | 'throttled'
    }
  /** A call has a `hashKey`, but `balancer` does not hash: equal keys go to any instance. Once for each service. */
  | { readonly type: 'hash-key-ignored'; readonly service: string; readonly balancer: string }
  /** A call has a `match`, but `routing.keys` of the service has none of its keys: it goes to any instance. Once for each service. */
  | { readonly type: 'match-ignored'; readonly service: string }
  /** With `balancer: 'probing'`: probes decide from now on (`active`), or do no longer, and peak EWMA does. */
  | { readonly type: 'probing-changed'; readonly service: string; readonly active: boolean; readonly reason: string }
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
      readonly call?: number | undefined
      readonly callback: ApplicationCallback
      readonly error: unknown
    }
  | AdapterEvent
  /** The load balancer was closed. */
  | { readonly type: 'closed' }

/** An event that an adapter emits. */
export type AdapterEvent =
  /** A gateway responded to a request for `service` with a 5xx status of its own. */
  | {
      readonly type: 'gateway-failed'
      readonly service: string
      readonly statusCode: number
      readonly method: string
      readonly error: unknown
    }
  /**
   * A change at run time was asked for, and refused: `read-only`, there is no `authorize`; `unauthorized`, without credentials; `forbidden`,
   * with some; `authorize-failed`, it threw `error`. The service and the instance are as they were asked for: they may not exist.
   */
  | {
      readonly type: 'control-refused'
      readonly service: string
      readonly change: 'drain' | 'restore' | 'weight' | 'shares' | 'end-ejection'
      readonly instanceId?: string | undefined
      readonly because: 'read-only' | 'unauthorized' | 'forbidden' | 'authorize-failed'
      readonly error?: unknown
    }

/** Application code that a load balancer calls, except for listeners. */
export type ApplicationCallback =
  | 'balancer'
  | 'balancer.update'
  | 'balancer.pick'
  | 'balancer.started'
  | 'balancer.finished'
  | 'balancer.setShares'
  | 'balancer.prepare'
  | 'balancer.close'
  | 'onInterrupt'
  | 'classify'
  | 'discard'
  | 'observer'
  | 'clock.now'
  | 'clock.setTimeout'
  | 'random'

/** Emits that application code threw `error`. */
export type CallbackFailed = (callback: ApplicationCallback, error: unknown) => void

/** Receives every event of a load balancer. An error that it throws is emitted to the other listeners. */
export type LoadBalancerListener = (event: LoadBalancerEvent) => void
