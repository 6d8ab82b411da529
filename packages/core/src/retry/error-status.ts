import { type Fields, fieldsOf, hasFields } from '../base/fields.ts'
import { parseRetryAfter } from './retry-after.ts'

/** The status that an error stands for. */
export interface ErrorStatus {
  readonly statusCode: number
  /** What the `Retry-After` of its response asks for. */
  readonly retryAfterMs?: number | undefined
}

/** How gRPC judges an error. */
export interface GrpcVerdict {
  /** What the failure says of the instance; `undefined`: it is an answer. */
  readonly failed: 'connect' | 'server' | undefined
  readonly retry: 'idempotent' | 'never'
  readonly retryAfterMs?: number
}

/**
 * The HTTP status that `error`, or what caused it, carries: `status`, `statusCode`, `response.status`, `response.statusCode` or
 * `$metadata.httpStatusCode`, as got, ky, axios, superagent, ofetch, undici and the AWS SDK put it.
 */
export function errorStatus(error: unknown): ErrorStatus | undefined {
  return firstInChain(error, (each) => {
    const response = fieldsOf(each.response)
    const metadata = fieldsOf(each.$metadata)
    const candidates = [each.status, each.statusCode, response.status, response.statusCode]
    const statusCode = [...candidates, metadata.httpStatusCode].find(isHttpStatus)
    if (statusCode === undefined) return undefined
    const headers = response.headers ?? each.headers
    const asks = statusCode >= 500 || statusCode === 429
    return {
      statusCode,
      retryAfterMs: asks ? parseRetryAfter(field(headers, 'retry-after'), field(headers, 'date')) : undefined,
    }
  })
}

/**
 * How gRPC judges `error`, or what caused it: a numeric `code` beside `details`, and `metadata` or the `path` of a method. Statuses
 * of the server's are failures; only UNAVAILABLE is repeated, and not when the server's `grpc-retry-pushback-ms` forbids it.
 *
 * Sources: gRFC A50; gRFC A6; Envoy's mapping of gRPC statuses to HTTP, for which of them are the server's.
 */
export function grpcVerdict(error: unknown): GrpcVerdict | undefined {
  return firstInChain(error, (each) => {
    const code = each.code
    const isGrpc = 'details' in each && ('metadata' in each || typeof each.path === 'string')
    if (!isGrpc || typeof code !== 'number' || !Number.isInteger(code) || code < 0 || code > 16) return undefined
    const failed = grpcFailures.get(code)
    if (code !== unavailable) return { failed, retry: 'never' }
    const pushback = field(each.metadata, 'grpc-retry-pushback-ms')
    if (pushback === undefined) return { failed, retry: 'idempotent' }
    return /^\d{1,9}$/.test(pushback)
      ? { failed, retry: 'idempotent', retryAfterMs: Number(pushback) }
      : { failed, retry: 'never' }
  })
}

const unavailable = 14

/** UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS. */
const grpcFailures: ReadonlyMap<number, 'connect' | 'server'> = new Map([
  [2, 'server'],
  [4, 'connect'],
  [12, 'server'],
  [13, 'server'],
  [unavailable, 'connect'],
  [15, 'server'],
])

/** What `find` gives for the outermost error of the chain of causes for which it gives something. */
function firstInChain<T>(error: unknown, find: (error: Fields) => T | undefined): T | undefined {
  let each: unknown = error
  for (let depth = 0; depth <= 8 && hasFields(each); depth++) {
    const found = find(each)
    if (found !== undefined) return found
    each = each.cause
  }
  return undefined
}

function isHttpStatus(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 100 && value <= 599
}

/** One field of `Headers`, of gRPC's metadata, or of a plain object of headers. */
function field(headers: unknown, name: string): string | undefined {
  const given = fieldsOf(headers)
  const value: unknown = typeof given.get === 'function' ? given.get(name) : given[name]
  const first: unknown = Array.isArray(value) ? value[0] : value
  return typeof first === 'string' ? first : undefined
}
