import type { ApiError } from './api-error.ts'
import type { Reply } from './exchange.ts'

/** What every response says: nothing of it is framed, sniffed, or read by another origin. */
const always: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
}

/** What a page may do: load its own script and style, and speak to this server. */
export const pagePolicy: string = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ')

const dataPolicy = "default-src 'none'; frame-ancestors 'none'"

export function reply(status: number, body: Reply['body'], headers: Readonly<Record<string, string>>): Reply {
  return { status, body, headers: { 'content-security-policy': dataPolicy, ...always, ...headers } }
}

/** Not for caches: it is true now. */
export function jsonReply(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  const type = 'application/json; charset=utf-8'
  return reply(status, `${JSON.stringify(value)}\n`, { 'content-type': type, 'cache-control': 'no-store', ...headers })
}

export function errorReply(error: ApiError): Reply {
  return jsonReply(error.status, error, error.headers)
}
