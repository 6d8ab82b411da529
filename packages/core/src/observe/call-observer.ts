import type { ServiceInstance } from '../instance/instance.ts'
import type { Outcome } from '../instance/outcome.ts'

/** What is known of a call when it begins. */
export interface CallInfo {
  /** The name of the service. */
  readonly service: string
  /** The number of the call, unique in its load balancer; events of the call have it as `call`. */
  readonly call: number
  /** Whether the call may be repeated (`ExecuteOptions.idempotent`); false for `acquire`. */
  readonly idempotent: boolean
  /** The method of the HTTP request that it sends (`ExecuteOptions.httpMethod`); `undefined`: it is none, or not known. */
  readonly httpMethod?: string | undefined
}

/** What is known of an attempt when it begins. */
export interface AttemptInfo {
  /** Where the attempt goes. */
  readonly instance: ServiceInstance
  /** 1 for the first attempt of a call. */
  readonly number: number
  /**
   * - `first`: the first attempt of the call
   * - `retry`: it follows a failure, or it is a second try beside an attempt whose instance says nothing
   * - `hedge`: it was started beside one that takes long (`hedge`)
   */
  readonly kind: 'first' | 'retry' | 'hedge'
}

/** How a call ended. */
export interface CallResult {
  /**
   * - `ok`: its last outcome is good; a 404 is
   * - `failed`: it was sent, and failed: an error, a 5xx response, a body that broke off, or its time limit
   * - `cancelled`: its caller gave it up, before or after it was sent; in an event, also: it was in flight when the load balancer was closed
   * - `refused`: it was never sent: no instance, no list, no room, throttled, closed, or its time limit passed before
   */
  readonly result: 'ok' | 'failed' | 'cancelled' | 'refused'
  /** The status of the response, if there was one. */
  readonly statusCode?: number | undefined
  /** What went wrong, if it threw. */
  readonly error?: unknown
  /** Milliseconds from its begin to its result: of a response, to its head. */
  readonly durationMs: number
  /** Milliseconds from its begin until nothing of it was in flight any more: of a response, to the end of its body. ≥ `durationMs` */
  readonly inFlightMs: number
  /** Milliseconds for which it waited to be sent: for a list, and for room. */
  readonly queuedMs: number
  /** Attempts: the first one, retries and hedges. 0 if it was never sent. */
  readonly attempts: number
  /** How many attempts were retries, second tries included. */
  readonly retries: number
  /** How many attempts were hedges. */
  readonly hedges: number
}

/**
 * Observes the calls of a load balancer: `execute` and `acquire`. What an observer throws changes no call; it is emitted as
 * `callback-failed`.
 */
export interface CallObserver {
  /** A call begins; called synchronously, in its caller's async context. `undefined`: it is not observed any further. */
  startCall(info: CallInfo): CallObservation | undefined
}

/** Observes one call. */
export interface CallObservation {
  /** An attempt begins, maybe beside others. `undefined`: it is not observed any further. */
  startAttempt(info: AttemptInfo): AttemptObservation | undefined
  /** Called once, when nothing of the call is in flight any more. */
  end(result: CallResult): void
}

/** Observes one attempt. */
export interface AttemptObservation {
  /**
   * Calls `attempt`, which sends the request, synchronously and once: a tracer makes its span the current one around it. Whatever it
   * returns itself, the call gets what `attempt` gave. Not called for `acquire`, whose caller sends the request.
   * @default `attempt` is called as it is, which takes less time
   */
  run?<T>(attempt: () => T): T
  /** Called once, when nothing of the attempt is in flight any more. */
  end(outcome: Outcome): void
}
