import type { ServiceInstance } from '@lb/core'
import type { ProxySettings } from './options.ts'
import { hostHeaderOf } from './pools.ts'
import type { ResponseHeaders } from './response.ts'

/** Makes `Location` and cookies fit the client's view. `mount`: the path under which the client sees the proxy. */
export function rewriteHeaders(
  headers: ResponseHeaders,
  {
    instance,
    mount,
    hostSent,
  }: { readonly instance: ServiceInstance; readonly mount: string; readonly hostSent: string },
  settings: ProxySettings,
): void {
  const { passing, location, cookies } = headers
  const { targetPrefix, rewriteLocation, cookieDomain, rewriteCookiePath } = settings
  if (location !== -1 && rewriteLocation) {
    passing[location] = seenByClient(passing[location] ?? '', { instance, mount, hostSent, targetPrefix })
  }
  if (cookies.length === 0 || (cookieDomain === undefined && rewriteCookiePath !== true)) return
  for (const index of cookies) {
    let cookie = passing[index] ?? ''
    if (cookieDomain !== undefined) cookie = withDomain(cookie, cookieDomain)
    if (rewriteCookiePath === true) cookie = withPath(cookie, targetPrefix, mount)
    passing[index] = cookie
  }
}

interface View {
  readonly instance: ServiceInstance
  readonly mount: string
  readonly hostSent: string
  readonly targetPrefix: string
}

/** A location on the instance becomes a path below the mount point; any other is left alone. */
function seenByClient(location: string, { instance, mount, hostSent, targetPrefix }: View): string {
  const [, authority, rest = ''] = /^https?:\/\/([^/?#]*)(.*)$/i.exec(location) ?? []
  let path = location
  if (authority !== undefined) {
    const own = authority.toLowerCase()
    if (own !== hostHeaderOf(instance).toLowerCase() && own !== hostSent.toLowerCase()) return location
    path = rest.startsWith('/') ? rest : `/${rest}`
  }
  // A relative reference needs nothing; `//host` leads elsewhere.
  if (!path.startsWith('/') || (authority === undefined && path.startsWith('//'))) return location
  const below = belowPrefix(path, targetPrefix)
  if (below === undefined) return location
  const seen = mount + below
  // A browser would take the next part of such a path for a host.
  return /^\/[/\\]/.test(seen) ? `/.${seen}` : seen
}

function belowPrefix(path: string, prefix: string): string | undefined {
  if (!path.startsWith(prefix)) return undefined
  const below = path.slice(prefix.length)
  if (below === '' || below.startsWith('?') || below.startsWith('#')) return prefix === '' ? below : `/${below}`
  return below.startsWith('/') ? below : undefined
}

const domainAttribute = /;\s*domain\s*=[^;]*/gi
const pathAttribute = /;\s*path\s*=\s*([^;]*)/gi

function withDomain(cookie: string, domain: string | false): string {
  return cookie.replace(domainAttribute, domain === false ? '' : `; Domain=${domain}`)
}

function withPath(cookie: string, targetPrefix: string, mount: string): string {
  return cookie.replace(pathAttribute, (attribute, path: string) => {
    const below = belowPrefix(path.trim(), targetPrefix)
    return below === undefined ? attribute : `; Path=${mount + (below === '/' && mount !== '' ? '' : below) || '/'}`
  })
}
