import type { MaybeExpressRequest } from './middleware.ts'
import { mountedUrl } from './mount.ts'
import { RequestRefusal } from './request-refusal.ts'

/** Where a request goes: what the client wrote, but for the prefix. */
export interface RequestTarget {
  /** Path and query, for the instance. */
  readonly path: string
  /** The path under which the client sees the proxy: '', or without a slash at its end. */
  readonly mount: string
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
  const { mount, url } = mountedUrl(request, prefix)
  if (url.charCodeAt(0) === 47) return below(mount, url, prefix, undefined)
  const [, authority, rest = ''] = absoluteForm.exec(url) ?? []
  if (authority === undefined) throw new RequestRefusal(400, 'The request target is not a path.')
  if (authority === '' || authority.includes('@'))
    throw new RequestRefusal(400, 'The request target has no usable host.')
  return below(mount, rest.startsWith('/') ? rest : `/${rest}`, prefix, authority)
}

/** A mount that has the prefix took it off; it is on the URL otherwise. */
function below(mount: string, url: string, prefix: string, authority: string | undefined): RequestTarget | undefined {
  const own = mount === '' ? withoutPrefix(url, prefix) : url
  return own === undefined ? undefined : { path: safe(own), mount: mount || prefix, authority }
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
