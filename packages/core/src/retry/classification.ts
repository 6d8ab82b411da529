import { LoadBalancerError } from '../errors.ts'

/**
 * How one attempt ended, as far as balancing and retrying go.
 *
 * `retry` says what a repetition would risk:
 * - `always`: nothing; the request provably never reached an instance
 * - `idempotent`: the request may have been executed, so only an idempotent one may be repeated
 * - `never`: a repetition would end the same, or is not wanted
 */
export interface Classification {
  /** Whether the instance did its work. Goes into the `Outcome`. */
  readonly ok: boolean
  readonly statusCode?: number
  /** Default: `idempotent` when `statusCode` is one of the service's `retry.statusCodes`, else `never`. */
  readonly retry?: 'always' | 'idempotent' | 'never'
  /**
   * What the response's `Retry-After` asks for, in milliseconds. A retry goes to another instance at once; when nobody
   * else is left it waits that long, unless that is beyond the deadline or above 30 000: the caller then gets the response.
   */
  readonly retryAfterMs?: number
  /** The response's `endpoint-load-metrics` header, for weights that are learnt (`loadReports`). */
  readonly loadReport?: string
}

/** What an attempt gave: a value, or what it threw. */
export type AttemptResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: unknown }

/** Statuses after which an idempotent request is tried on another instance. */
export const defaultRetryStatusCodes: readonly number[] = Object.freeze([500, 502, 503, 504])

/** The connection was never made, so the request cannot have been executed. */
const connectionNeverMade: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_NODATA',
  'EAI_NONAME',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
  'ConnectionRefused',
])

/** TLS failed before a request could be sent. Codes that may also end an established connection are not here. */
const handshakeFailed =
  /^(?:ERR_TLS_|CERT_|UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT_IN_CHAIN$|HOSTNAME_MISMATCH$|ERR_SSL_(?:WRONG_VERSION_NUMBER|UNSUPPORTED_PROTOCOL|\w*HANDSHAKE_FAILURE|\w*PROTOCOL_VERSION)$)/

/** Node reports a connection lost during the handshake as a plain reset; only the message tells. */
const lostInHandshake = 'Client network socket disconnected before secure TLS connection was established'

/** Mistakes in the program, which another instance would not cure. */
const programmingErrors: ReadonlySet<string> = new Set([
  'TypeError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'AssertionError',
])

/** Classifies a status: 5xx is the instance's failure, anything else is an answer. */
export function classifyStatus(statusCode: number): Classification {
  return { ok: statusCode < 500, statusCode }
}

/**
 * Classifies what a transport threw, by the error codes of Node's, undici's and Bun's network stacks, also when they
 * are wrapped as a `cause` (fetch) or gathered in an `AggregateError` (happy eyeballs).
 */
export function classifyError(error: unknown): Classification {
  if (isAbort(error) || isOwnRefusal(error)) return { ok: false, retry: 'never' }
  const faults = networkFaults(error)
  if (faults.length > 0) return { ok: false, retry: faults.every(isNeverSent) ? 'always' : 'idempotent' }
  return { ok: false, retry: isProgrammingError(error) ? 'never' : 'idempotent' }
}

/** Whether `error` speaks against the instance: the network's word or a time limit, no abort and no mistake of the program. */
export function isInstanceFault(error: unknown): boolean {
  if (isAbort(error) || isOwnRefusal(error)) return false
  return networkFaults(error).length > 0 || !isProgrammingError(error)
}

type ErrorLike = {
  code?: unknown
  syscall?: unknown
  message?: unknown
  cause?: unknown
  errors?: unknown
  name?: unknown
}

interface NetworkFault {
  readonly code: string
  readonly syscall: unknown
  readonly message: unknown
}

function isNeverSent({ code, syscall, message }: NetworkFault): boolean {
  return (
    connectionNeverMade.has(code) ||
    handshakeFailed.test(code) ||
    (code === 'ETIMEDOUT' && syscall === 'connect') ||
    (code === 'ECONNRESET' && message === lostInHandshake)
  )
}

// Error codes of the platform are upper case words; ours begin with LB_ and are handled apart.
const platformCode = /^(?!LB_)[A-Z][A-Z0-9_]+$|^Connection[A-Za-z]+$/

/** The innermost faults: what wraps them only says that something failed. */
function networkFaults(error: unknown, depth = 0): NetworkFault[] {
  if (typeof error !== 'object' || error === null || depth > 8) return []
  const { code, syscall, message, cause, errors } = error as ErrorLike
  if (Array.isArray(errors)) {
    const gathered = errors.flatMap((each) => networkFaults(each, depth + 1))
    if (gathered.length > 0) return gathered
  }
  const inner = networkFaults(cause, depth + 1)
  if (inner.length > 0) return inner
  if (typeof code !== 'string' || !platformCode.test(code)) return []
  // `ERR_INVALID_ARG_TYPE` and its like are mistakes of the caller.
  return code.startsWith('ERR_') && isProgrammingError(error) ? [] : [{ code, syscall, message }]
}

function isAbort(error: unknown): boolean {
  const name = (error as ErrorLike | null | undefined)?.name
  return name === 'AbortError' || name === 'CanceledError'
}

function isOwnRefusal(error: unknown): boolean {
  return error instanceof LoadBalancerError && error.code !== 'LB_DEADLINE_EXCEEDED'
}

function isProgrammingError(error: unknown): boolean {
  const { name } = (error ?? {}) as ErrorLike
  return typeof name === 'string' && programmingErrors.has(name)
}
