import { RequestRefusal } from './errors.ts'
import type { MaybeExpressRequest } from './middleware.ts'
import { isAuthority } from './request.ts'

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
  // Over HTTP/2 the authority has a field of its own.
  if (request.httpVersionMajor === 2) throw new RequestRefusal(400, 'The request target is not a path.')
  const [, authority, rest = ''] = absoluteForm.exec(url) ?? []
  if (authority === undefined) throw new RequestRefusal(400, 'The request target is not a path.')
  if (!isAuthority(authority)) throw new RequestRefusal(400, 'The request target has no usable host.')
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

/** A request as the framework says it is now. */
interface MountedUrl {
  /** The path under which the proxy is mounted, as the client sees it: '' or without a slash at its end. */
  readonly mount: string
  /** What is left of the URL below it. */
  readonly url: string
}

/**
 * Splits what the client asked for into the mount and the rest. The rest is `url` as it is now, whoever wrote it, with one exception: a
 * mount that ends with a wildcard takes the whole path, and the rest is what the wildcard stands for, or what follows `prefix`.
 */
function mountedUrl(request: MaybeExpressRequest, prefix: string): MountedUrl {
  const { baseUrl, originalUrl, url = '' } = request
  if (baseUrl === '') return { mount: '', url }
  if (baseUrl !== undefined) return (takesAll(url) && belowWildcard(request)) || { mount: baseUrl, url }
  // Connect, and what Nest uses on Fastify, note only the URL as it came.
  if (originalUrl === undefined || originalUrl === url) return { mount: '', url }
  const mount = mountOf(originalUrl, url)
  // They do not say what a wildcard stands for; `prefix` does.
  const isBelow = prefix !== '' && takesAll(url) && mount.startsWith(`${prefix}/`)
  return isBelow ? { mount: prefix, url: mount.slice(prefix.length) + url.slice(1) } : { mount, url }
}

function takesAll(url: string): boolean {
  return url === '/' || url.startsWith('/?')
}

/** What a wildcard at the end of an Express mount stands for, with the mount before it. */
function belowWildcard({ baseUrl = '', url = '', params = {} }: MaybeExpressRequest): MountedUrl | undefined {
  const value = wildcard(params)
  if (value === undefined) return undefined
  // Express leaves a slash at the end to neither.
  const whole = value.endsWith('/') ? `${baseUrl}/` : baseUrl
  for (let at = whole.indexOf('/'); at !== -1; at = whole.indexOf('/', at + 1)) {
    const rest = decoded(whole.slice(at))
    // Without a static part before it, Express 4 gives the first slash to the wildcard.
    if (rest === value || rest === `/${value}`)
      return { mount: whole.slice(0, at), url: whole.slice(at) + url.slice(1) }
  }
  return undefined
}

/** The last wildcard: an array of segments in Express 5, a number for its name in Express 4 and in regular expressions. */
function wildcard(params: NonNullable<MaybeExpressRequest['params']>): string | undefined {
  let found: string | undefined
  for (const [name, value] of Object.entries(params)) {
    if (Array.isArray(value)) found = value.join('/')
    else if (/^\d+$/.test(name) && typeof value === 'string') found = value
  }
  return found
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined
  }
}

/** What was taken off `originalUrl` so that `url` is left; '' when something else was done to it. */
function mountOf(originalUrl: string, url: string): string {
  if (originalUrl.startsWith('/') && originalUrl.endsWith(url)) return withoutSlash(originalUrl.slice(0, -url.length))
  // A mount at the whole path leaves a slash that was not there.
  const query = url.slice(1)
  return takesAll(url) && originalUrl.endsWith(query)
    ? withoutSlash(originalUrl.slice(0, originalUrl.length - query.length))
    : ''
}

function withoutSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}
