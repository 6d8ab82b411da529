import type { MaybeExpressRequest } from './middleware.ts'
import { RequestRefusal } from './request-refusal.ts'

/** Where a request goes: what the client wrote, but for the prefix. */
export interface RequestTarget {
  /** Path and query, for the instance. */
  readonly path: string
  /** The authority of a request in absolute form, which counts instead of `Host` (RFC 9112 section 3.2.2). */
  readonly authority: string | undefined
}

/**
 * A segment `.` or `..`, plain or encoded, however it is delimited: by a slash, a backslash (WHATWG URLs), an encoded one,
 * or a semicolon after it (servlet containers). The instance would resolve it and leave the prefix, or reach what a route of the
 * gateway guards. Browsers and every URL library resolve them before they send.
 */
const dotSegment = /(?:[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?:[/\\;]|%2f|%5c|$)/i
const absoluteForm = /^https?:\/\/([^/?#]*)(.*)$/is

/**
 * The target of a request that came to `prefix`; `undefined` when it did not.
 *
 * @throws RequestRefusal
 */
export function requestTarget(request: MaybeExpressRequest, prefix: string): RequestTarget | undefined {
  const url = writtenUrl(request)
  if (url.charCodeAt(0) === 47) {
    const path = withoutPrefix(url, request.baseUrl ? '' : prefix)
    return path === undefined ? undefined : { path: safe(path), authority: undefined }
  }
  const [, authority, rest = ''] = absoluteForm.exec(url) ?? []
  if (authority === undefined) throw new RequestRefusal(400, 'The request target is not a path.')
  if (authority === '' || authority.includes('@'))
    throw new RequestRefusal(400, 'The request target has no usable host.')
  const path = withoutPrefix(rest.startsWith('/') ? rest : `/${rest}`, request.baseUrl ? '' : prefix)
  return path === undefined ? undefined : { path: safe(path), authority }
}

/** What Express left of the URL, but with the slashes that Express 4 takes off together with the mount point. */
function writtenUrl({ url = '', baseUrl, originalUrl }: MaybeExpressRequest): string {
  if (!baseUrl || originalUrl?.startsWith(baseUrl) !== true) return url
  const rest = originalUrl.slice(baseUrl.length)
  return rest.startsWith('/') && rest.endsWith(url) ? rest : url
}

/** The path as it is below `prefix`, which is '' or begins, and does not end, with a slash. */
function withoutPrefix(url: string, prefix: string): string | undefined {
  if (prefix === '') return url
  if (!url.startsWith(prefix)) return undefined
  const next = url.charCodeAt(prefix.length)
  if (next === 47) return url.slice(prefix.length)
  return Number.isNaN(next) || next === 63 ? `/${url.slice(prefix.length)}` : undefined
}

function safe(target: string): string {
  // A fragment is never sent; what the instance would take for the path cannot be known.
  if (target.includes('#')) throw new RequestRefusal(400, 'The request target has a fragment.')
  const end = target.indexOf('?')
  const path = end === -1 ? target : target.slice(0, end)
  if ((path.includes('.') || path.includes('%')) && dotSegment.test(path)) {
    throw new RequestRefusal(400, 'The path has a segment "." or "..".')
  }
  return target
}
