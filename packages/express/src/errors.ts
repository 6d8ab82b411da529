import { type ServerResponse, STATUS_CODES } from 'node:http'
import { DeadlineExceededError, type ErrorJson, LoadBalancerError } from '@lb/core'
import { errorJson } from '@lb/core/authoring'
import { http2Stream, resetStream } from './http2.ts'

// The ESM and the CommonJS build may both be loaded in one process; a registered symbol is the same in both.
const brand = Symbol.for('@lb/express.proxy-error')

/** Seconds in `Retry-After` of a 503. */
const retryAfterSeconds = '1'

/** The errors of the transport that are a time limit. */
const timeouts: ReadonlySet<unknown> = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
])

/** The kind of a failure that another setting of the proxy would end. Each code has a section in `docs/errors.md`. */
export type ProxyErrorCode = (typeof proxyErrorCodes)[number]

/** Every code, for tests and documentation. */
export const proxyErrorCodes = ['LB_RESPONSE_HEADER_TOO_LONG'] as const

/**
 * Why a request could not be proxied. `cause` is the error underneath; the message may be shown to clients, the cause
 * may not. Express' own error handler answers with `status` and `headers`.
 */
export class ProxyError extends Error {
  /** The status of the response: 4xx for a request that is refused, 502, 503 or 504. */
  readonly status: number
  /** The same, by the name under which other frameworks look for it. */
  readonly statusCode: number
  /** What kind of failure it is; `undefined` when `status` says it all. */
  readonly code: ProxyErrorCode | undefined
  /** What else the client is to know: `Retry-After` with 503. */
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    message: string,
    { code, ...options }: { readonly cause?: unknown; readonly code?: ProxyErrorCode } = {},
  ) {
    super(message, options)
    this.code = code
    this.name = 'ProxyError'
    this.status = status
    this.statusCode = status
    this.headers = status === 503 ? { 'Retry-After': retryAfterSeconds } : {}
    Object.defineProperty(this, brand, { value: true })
  }

  /** With the chain of causes, which is for logs, not for clients. */
  toJSON(): ErrorJson & { readonly status: number } {
    return { ...errorJson(this), status: this.status }
  }

  /** Holds for errors of any copy of this package. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && brand in value
  }

  /** The title of its status. */
  get title(): string {
    return STATUS_CODES[this.status] ?? 'Error'
  }

  /** What `failure`, of the load balancer, the transport or a hook, means for the client. */
  static of(failure: unknown): ProxyError {
    if (failure instanceof ProxyError) return failure
    if (failure instanceof RequestRefusal) return new ProxyError(failure.statusCode, failure.message)
    if (isTimeout(failure)) return new ProxyError(504, 'The service did not answer in time.', { cause: failure })
    if (isHeaderTooLong(failure)) {
      const code = 'LB_RESPONSE_HEADER_TOO_LONG'
      return new ProxyError(502, 'The header of the response is longer than pool.maxHeaderBytes.', {
        cause: failure,
        code,
      })
    }
    if (failure instanceof LoadBalancerError) {
      return new ProxyError(503, 'The service cannot take the request now.', { cause: failure })
    }
    return new ProxyError(502, 'The service did not give a usable answer.', { cause: failure })
  }

  /** What a hook threw: a 4xx or 5xx of its own choice, or a mistake. */
  static ofHook(thrown: unknown): ProxyError {
    if (thrown instanceof ProxyError || thrown instanceof RequestRefusal) return ProxyError.of(thrown)
    const { statusCode, message }: { statusCode?: unknown; message?: unknown } = Object(thrown)
    if (typeof statusCode === 'number' && statusCode >= 400 && statusCode <= 599) {
      return new ProxyError(statusCode, String(message), { cause: thrown })
    }
    return new ProxyError(500, 'The gateway made a mistake.', { cause: thrown })
  }
}

function isHeaderTooLong(failure: unknown): boolean {
  const { code }: { code?: unknown } = Object(failure)
  return code === 'UND_ERR_HEADERS_OVERFLOW'
}

function isTimeout(failure: unknown): boolean {
  const { code }: { code?: unknown } = Object(failure)
  return failure instanceof DeadlineExceededError || timeouts.has(code)
}

/** A request that is not passed on, and the status that says why. */
export class RequestRefusal extends Error {
  readonly statusCode: number

  constructor(statusCode: number, message: string) {
    super(message)
    this.name = 'RequestRefusal'
    this.statusCode = statusCode
  }
}

/** What a hook threw is not the load balancer's or the instance's. */
export class HookFailure extends Error {}

/** @throws HookFailure */
export function runHook<T>(call: () => T): T {
  try {
    const result = call()
    // Nothing waits for an async one, and its rejection would end the process.
    if (result instanceof Promise) result.catch(() => {})
    return result
  } catch (error) {
    throw new HookFailure('a hook failed', { cause: error })
  }
}

/** What a hook gives. @throws HookFailure, also for a promise: its value would come too late */
export function valueOfHook<T>(call: () => T): T {
  const value = runHook(call)
  if (!(value instanceof Promise)) return value
  const cause = new TypeError('a hook that gives a value must not be async: it gave a promise')
  throw new HookFailure('a hook failed', { cause })
}

/** A response of an instance that must not be passed on. */
export class UnusableResponse extends Error {
  /** By which it counts against the instance, as every error of its protocol does. */
  readonly code = 'EPROTO'
}

/** Whether the connection ends with this error: what follows a refused request cannot be distinguished from the rest of it. */
export function endsConnection({ status }: ProxyError): boolean {
  return status < 500 || status === 501 || status === 505
}

/** Answers with the error as `application/problem+json` (RFC 9457). Destroys a response that has begun. */
export function sendProblem(response: ServerResponse, error: ProxyError): void {
  if (response.headersSent) {
    breakOff(response)
    return
  }
  const { status, title, message, headers } = error
  const body = JSON.stringify({ type: 'about:blank', title, status, detail: message })
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.setHeader('Content-Type', 'application/problem+json')
  response.setHeader('Content-Length', Buffer.byteLength(body))
  response.setHeader('Cache-Control', 'no-store')
  if (endsConnection(error) && http2Stream(response) === undefined) response.setHeader('Connection', 'close')
  response.statusCode = status
  response.end(body)
}

/**
 * Ends a response that cannot be completed, with its connection or, over HTTP/2, its stream. One that waits for the responses to earlier
 * requests of its connection has none yet: Node would leave that open for ever.
 */
export function breakOff(response: ServerResponse): void {
  const stream = http2Stream(response)
  if (stream !== undefined) {
    resetStream(stream)
    return
  }
  if (response.socket === null) response.once('socket', (socket) => socket.destroy())
  response.destroy()
}
