// The JSON API of the dashboard, version 1: what its page, and programs such as `@lb/cli`, read and send. All paths are relative to the
// mount. Fields may be added within a version; none is renamed or removed.
//
//     GET  api/v1/services?offset=&limit=                      ServicesResponse
//     GET  api/v1/services/:name?offset=&limit=&state=&sort=   ServiceResponse
//     GET  api/v1/calls?service=&limit=                        CallsResponse
//     GET  api/v1/calls/:call                                  CallStory
//     GET  api/v1/events?type=&level=&service=                 server-sent events: DashboardEvent, DroppedEvents
//     POST api/v1/services/:name/drain                         ControlRequest -> ControlResponse
//     POST api/v1/services/:name/restore
//     POST api/v1/services/:name/weight
//     POST api/v1/services/:name/shares
//     POST api/v1/services/:name/end-ejection
//
// Every other response is an ErrorResponse.
import type { ErrorJson, EventLevel, InstanceSnapshot, InstanceState, ServiceSnapshot } from '@lb/core'

/** The version of this API, as it stands in its paths. */
export const apiVersion = 'v1'

/**
 * The header that a request which changes something must have, with any value: a page of another origin cannot send it. Such a request
 * also has `content-type: application/json`.
 */
export const controlHeader = 'x-lb-dashboard'

/** What a request may change. */
export type ControlVerb = 'drain' | 'restore' | 'weight' | 'shares' | 'end-ejection'

/** Every verb, in the order of the page. */
export const controlVerbs: readonly ControlVerb[] = ['drain', 'restore', 'weight', 'shares', 'end-ejection']

/** A part of a list. */
export interface Page {
  /** How many there are in all. */
  readonly total: number
  /** The first one of this page, from 0. */
  readonly offset: number
  /** How many a page has at most. Default 100, at most 500. */
  readonly limit: number
}

/** `GET api/v1/services` */
export interface ServicesResponse extends Page {
  /** The title of the dashboard. */
  readonly title: string
  /** Whether `authorize` was given. Without it, every change is refused. */
  readonly control: boolean
  /** The services, by name. */
  readonly services: readonly ServiceSummary[]
}

/** What went through a service, or an instance, in the last seconds. */
export interface Traffic {
  /** How many seconds are summed up here: the last 10, fewer after the start. */
  readonly seconds: number
  /** Calls of a service, or attempts on an instance, that ended in each second. */
  readonly perSecond: number
  /** Those that failed, in each second. A cancelled one is none of them. */
  readonly failuresPerSecond: number
  /** Half of the durations are shorter, in milliseconds, within 13 %; absent if nothing ended. */
  readonly p50Ms?: number | undefined
  /** 99 % of the durations are shorter, in milliseconds, within 25 %; absent if nothing ended. */
  readonly p99Ms?: number | undefined
}

/** What went through in one second. */
export interface TrafficPoint {
  /** How many seconds ago that second ended; the one that runs now is left out. */
  readonly secondsAgo: number
  /** What ended in that second. */
  readonly count: number
  /** What failed. */
  readonly failures: number
  /** The median of the durations, in milliseconds; absent if nothing ended. */
  readonly p50Ms?: number | undefined
  /** The 99th percentile, in milliseconds; absent if nothing ended. */
  readonly p99Ms?: number | undefined
}

/** One service at a glance: what `inspect()` says of it, counts in place of its instances, and its traffic. */
export interface ServiceSummary extends Omit<ServiceSnapshot, 'instances'> {
  /** How many instances may be picked now. */
  readonly candidates: number
  /** How many instances are known. */
  readonly known: number
  /** How many instances are in each state. */
  readonly states: Readonly<Partial<Record<InstanceState, number>>>
  /** What went through it in the last seconds: calls. */
  readonly traffic: Traffic
}

/** `GET api/v1/services/:name` */
export interface ServiceResponse extends Page {
  /** Whether `authorize` was given. */
  readonly control: boolean
  /** The service. */
  readonly service: ServiceSummary
  /** The last minute, oldest first, one point for each second. */
  readonly history: readonly TrafficPoint[]
  /** A page of its instances, in the order of the list or as `sort` says. */
  readonly instances: readonly InstanceRow[]
}

/** One instance: what `inspect()` says of it, its share and its traffic. Metadata that look like credentials are masked. */
export interface InstanceRow extends InstanceSnapshot {
  /** Where it is reached: `10.0.1.12:8080`, `[::1]:80`. */
  readonly address: string
  /** The share of the traffic of its service. */
  readonly share: Share
  /** What went through it in the last seconds: attempts. */
  readonly traffic: Traffic
  /** The median latency of the last seconds, oldest first, in milliseconds; `null` where nothing ended. */
  readonly latency: readonly (number | null)[]
}

/** A share of the traffic of a service, from 0 to 1. */
export interface Share {
  /** What its effective weight asks for; absent where the balancer goes by load or by a hash. */
  readonly wanted?: number | undefined
  /** What it got of the attempts of the last minute; absent if there were none. */
  readonly got?: number | undefined
}

/** `GET api/v1/calls`: the last calls that failed, newest first. At most 200 are kept. */
export interface CallsResponse {
  /** The calls, without their attempts. */
  readonly calls: readonly CallSummary[]
}

/** How a call ended. */
export interface CallSummary {
  /** Its number, unique within a load balancer: the `call` of events. */
  readonly call: number
  /** The service it was for. */
  readonly service: string
  /** How it ended. */
  readonly result: 'ok' | 'failed' | 'cancelled' | 'refused'
  /** How many milliseconds ago it ended. */
  readonly agoMs: number
  /** From its start to its result, in milliseconds. */
  readonly durationMs: number
  /** How long it waited to be sent, for a list and for room, in milliseconds. */
  readonly queuedMs: number
  /** How many attempts it made. */
  readonly attempts: number
  /** How many of them were retries. */
  readonly retries: number
  /** How many of them were hedges. */
  readonly hedges: number
  /** The status it ended with, if there was one. */
  readonly statusCode?: number | undefined
  /** The error it ended with, if there was one. */
  readonly error?: ErrorJson | undefined
}

/** `GET api/v1/calls/:call`: one call that failed, with its attempts. */
export interface CallStory extends CallSummary {
  /** Whether repeating it was safe. */
  readonly idempotent: boolean
  /** The attempts, in the order in which they started; of more than 20 the first 20. */
  readonly story: readonly AttemptStory[]
}

/** One attempt of a call. */
export interface AttemptStory {
  /** From 1. */
  readonly number: number
  /** Why it was made. */
  readonly kind: 'first' | 'retry' | 'hedge'
  /** The id of the instance. */
  readonly instance: string
  /** Where the instance is reached. */
  readonly address: string
  /** When it started, in milliseconds from the start of the call. */
  readonly startedMs: number
  /** How long it took, in milliseconds; absent if it had not ended when the call had. */
  readonly latencyMs?: number | undefined
  /** `cancelled`: another attempt, the caller or the deadline ended it. */
  readonly outcome: 'ok' | 'failed' | 'cancelled' | 'unfinished'
  /** The status of the response, if there was one. */
  readonly statusCode?: number | undefined
  /** The error, if there was one. */
  readonly error?: ErrorJson | undefined
}

/**
 * The data of one server-sent event: an event of the load balancer, made small. An instance is its id, a list of instances its length
 * and its first ids, an error an `ErrorJson`. The `id` of the server-sent event is a number: with it as `Last-Event-ID`, a stream goes on
 * from there.
 */
export interface DashboardEvent {
  /** The type of the event, as in `LoadBalancerEvent`. */
  readonly type: string
  /** How much it matters. */
  readonly level: EventLevel
  /** The service it is about, if any. */
  readonly service?: string | undefined
  /** How many milliseconds ago it was emitted. */
  readonly agoMs: number
  /** What the type says more. */
  readonly [field: string]: unknown
}

/** The data of the server-sent event `dropped`: the client is slow, or the events are many, and so many were left out here. */
export interface DroppedEvents {
  /** How many. */
  readonly dropped: number
}

/** The body of a request that changes something. */
export interface ControlRequest {
  /** The id of the instance; absent for `shares`. */
  readonly instance?: string | undefined
  /** For `weight`: a finite number ≥ 0. 0 drains. */
  readonly weight?: number | undefined
  /** For `shares`: of each group a number ≥ 0; `null` gives the service its own back. */
  readonly shares?: Readonly<Record<string, number>> | null | undefined
}

/** What a change leads to. */
export interface ControlResponse {
  /** The service as it is now. */
  readonly service: ServiceSummary
  /** The instance as it is now; absent for `shares`. */
  readonly instance?: InstanceRow | undefined
}

/** Why a request was refused. */
export interface ErrorResponse {
  /** What is wrong. */
  readonly error: {
    /** A stable code: an error code of lb, or one of `ApiErrorCode`. */
    readonly code: string
    /** What is wrong and what helps, for people. */
    readonly message: string
    /** The field at fault, if it is one. */
    readonly field?: string | undefined
    /** What is known in place of what was not found: at most 20 names. */
    readonly known?: readonly string[] | undefined
  }
}

/** The codes of errors of the dashboard itself, with their status. */
export const apiErrors = {
  BAD_REQUEST: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  READ_ONLY: 403,
  CROSS_SITE: 403,
  NOT_FOUND: 404,
  LB_UNKNOWN_SERVICE: 404,
  LB_UNKNOWN_INSTANCE: 404,
  UNKNOWN_CALL: 404,
  METHOD_NOT_ALLOWED: 405,
  TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  HOST_NOT_ALLOWED: 421,
  INTERNAL: 500,
  TOO_MANY_STREAMS: 503,
  CLOSED: 503,
} as const

/** A code of an error of the dashboard itself. */
export type ApiErrorCode = keyof typeof apiErrors
