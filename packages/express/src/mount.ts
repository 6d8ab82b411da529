import type { MaybeExpressRequest } from './middleware.ts'

/** A request as the framework says it is now. */
export interface MountedUrl {
  /** The path under which the proxy is mounted, as the client sees it: '' or without a slash at its end. */
  readonly mount: string
  /** What is left of the URL below it. */
  readonly url: string
}

/**
 * Splits what the client asked for into the mount and the rest. The rest is `url` as it is now, whoever wrote it, with one exception: a
 * mount that ends with a wildcard takes the whole path, and the rest is what the wildcard stands for, or what follows `prefix`.
 */
export function mountedUrl(request: MaybeExpressRequest, prefix: string): MountedUrl {
  const { baseUrl, originalUrl, url = '' } = request
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
  if (value === undefined || baseUrl === '') return undefined
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
