import { judgeError } from './error-verdict.ts'
import { parseRetryAfter } from './retry-after.ts'

/**
 * How one attempt ended, for balancing and retrying.
 *
 * `retry` describes the risk of a repetition:
 * - `always`: none; the request provably never reached an instance
 * - `idempotent`: the request may have been executed, so only an idempotent one may be repeated
 * - `never`: a repetition would end the same, or is not wanted
 */
export interface Classification {
  /** Whether the instance did its work. Becomes part of the `Outcome`. */
  readonly ok: boolean
  /**
   * Whether a failure counts against the instance. `none`: it is the caller's, or this process's own.
   * @default 'instance' if `ok` is false
   */
  readonly blame?: 'instance' | 'none' | undefined
  /** The status of the response, if there was one. */
  readonly statusCode?: number | undefined
  /**
   * Whether the attempt may be repeated.
   * @default 'idempotent' if `statusCode` is one of the service's `retry.statusCodes`, else 'never'
   */
  readonly retry?: 'always' | 'idempotent' | 'never' | undefined
  /**
   * The delay that the response's `Retry-After` asks for, in milliseconds. A retry goes to another instance at once. If
   * no other is left it waits that long, unless that exceeds the deadline or `retry.retryAfterMaxMs`; the caller then
   * gets the response.
   */
  readonly retryAfterMs?: number | undefined
  /** The response's `endpoint-load-metrics` header, for learnt weights (`loadReports`). */
  readonly loadReport?: string | undefined
}

/** The result of an attempt: a value, or the error that it threw. */
export type AttemptResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: unknown }

/** Statuses after which an idempotent request is retried on another instance. */
export const defaultRetryStatusCodes: readonly number[] = Object.freeze([500, 502, 503, 504])

/** Classifies a status: 5xx is a failure of the instance, anything else a success. */
export function classifyStatus(statusCode: number): Classification {
  return { ok: statusCode < 500, statusCode }
}

/** What a response says of how its request ended: its status, and the values of some of its headers. */
export interface ResponseFacts {
  /** The status of the response. */
  readonly statusCode: number
  /** `Retry-After`. */
  readonly retryAfter?: string | undefined
  /** `Date`, to which a `Retry-After` may refer. */
  readonly date?: string | undefined
  /** `endpoint-load-metrics`. */
  readonly loadReport?: string | undefined
}

/** Whether a `Retry-After` that comes with `statusCode` is for the sender of the request: unavailable, or too many requests. */
export function mayAskToWait(statusCode: number): boolean {
  return statusCode >= 500 || statusCode === 429
}

/** Classifies a response. */
export function classifyResponse({ statusCode, retryAfter, date, loadReport }: ResponseFacts): Classification {
  const asksToWait = retryAfter !== undefined && mayAskToWait(statusCode)
  if (!asksToWait && loadReport === undefined) return classifyStatus(statusCode)
  const retryAfterMs = asksToWait ? parseRetryAfter(retryAfter, date) : undefined
  return {
    ...classifyStatus(statusCode),
    ...(retryAfterMs === undefined ? undefined : { retryAfterMs }),
    ...(loadReport === undefined ? undefined : { loadReport }),
  }
}

/**
 * Classifies what an attempt threw. An error counts against the instance only when it says so:
 *
 * - a code of the network's: of Node, undici, axios, Bun, or the `TypeError` of a fetch anywhere, also as a `cause` or within an
 *   `AggregateError`. What was provably never sent may always be repeated, a refused HTTP/2 stream too;
 * - an HTTP status on the error (`status`, `statusCode`, `response.status`, `response.statusCode`, `$metadata.httpStatusCode`), which
 *   is judged as that status;
 * - a gRPC status (a numeric `code` beside `details` and `metadata`), which is judged as gRFC A50 and A6 say;
 * - a time limit that passed.
 *
 * Every other error is the caller's: it is thrown on, not repeated, and blames no instance. So does a process that has no descriptor
 * (`EMFILE`), memory or local port left; only the last of them is repeated, as another instance has other ports.
 */
export function classifyError(error: unknown): Classification {
  const { says, retry, statusCode, retryAfterMs } = judgeError(error)
  return {
    ok: says === 'answer',
    ...(says === 'nothing' ? { blame: 'none' } : undefined),
    ...(statusCode === undefined ? undefined : { statusCode }),
    ...(retry === undefined ? undefined : { retry }),
    ...(retryAfterMs === undefined ? undefined : { retryAfterMs }),
  }
}
