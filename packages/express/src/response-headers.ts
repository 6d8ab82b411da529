import type { ServiceInstance } from '@lb/core'
import { maxResponseFields } from '@lb/core/authoring'
import { UnusableResponse } from './errors.ts'
import { bothKinds, type HeaderKind, namedByConnection, removeNamed } from './headers.ts'
import type { ProxySettings } from './options.ts'
import { hostHeaderOf } from './request.ts'

const responseKinds: ReadonlyMap<string, HeaderKind> = new Map([
  ...bothKinds,
  ['proxy-authenticate', 'hop-by-hop'],
  ['trailer', 'trailer'],
  ['upgrade', 'upgrade'],
  // The instance's report is for its load balancer, which is this gateway; the gateway's own comes from loadReport().
  ['endpoint-load-metrics', 'load-report'],
  ['location', 'location'],
  ['set-cookie', 'set-cookie'],
  ['date', 'date'],
  ['retry-after', 'retry-after'],
])

/** What is done with a header of a response. */
export function responseHeaderKind(header: string): HeaderKind | undefined {
  return responseKinds.get(header.toLowerCase())
}

/** The headers of a response: what passes, and what it says to the proxy. */
export class ResponseHeaders {
  /** Name, value, name, value …: what passes as it is. */
  readonly passing: string[] = []
  retryAfter: string | undefined
  date: string | undefined
  loadReport: string | undefined
  contentLength: number | undefined
  /** The names of trailers that were announced. */
  trailer: string | undefined
  /** The protocol that the connection has from now on, or could have. */
  upgrade: string | undefined
  /** Indexes in `passing` of values that may have to be rewritten. */
  location = -1
  readonly cookies: number[] = []
  #connection: string | undefined
  #isChunked = false

  /**
   * @param raw as the parser gives them: name, value, name, value …
   * @throws UnusableResponse when it says in two ways, or in none that is known, where the body ends, or has too many headers
   */
  constructor(statusCode: number, raw: readonly Buffer[]) {
    if (raw.length > maxResponseFields * 2) throw new UnusableResponse('there are too many headers')
    for (let index = 0; index < raw.length; index += 2) {
      this.#read(text(raw[index]), text(raw[index + 1]), statusCode)
    }
    if (this.#isChunked && this.contentLength !== undefined) {
      throw new UnusableResponse('the length of the response is given in two ways')
    }
    const named = this.#connection === undefined ? undefined : namedByConnection(this.#connection)
    if (named === undefined) return
    removeNamed(this.passing, named)
    this.#findAgain()
  }

  get isChunked(): boolean {
    return this.#isChunked
  }

  #read(name: string, value: string, statusCode: number): void {
    switch (responseHeaderKind(name)) {
      case undefined:
        break
      case 'date':
        this.date = value
        break
      case 'retry-after':
        this.retryAfter = value
        break
      case 'content-length':
        if (this.contentLength !== undefined) throw new UnusableResponse('there are two Content-Length headers')
        this.contentLength = Number(value)
        // RFC 9110 section 8.6: there is none with 204.
        if (statusCode === 204) return
        break
      case 'transfer-encoding':
        if (this.#isChunked || value.toLowerCase() !== 'chunked') {
          throw new UnusableResponse('the transfer coding of the response is not supported')
        }
        this.#isChunked = true
        return
      case 'connection':
        this.#connection = this.#connection === undefined ? value : `${this.#connection}, ${value}`
        return
      case 'trailer':
        this.trailer = value
        return
      case 'upgrade':
        this.upgrade = this.upgrade === undefined ? value : `${this.upgrade}, ${value}`
        return
      case 'load-report':
        this.loadReport = value
        return
      case 'location':
        this.location = this.passing.length + 1
        break
      case 'set-cookie':
        this.cookies.push(this.passing.length + 1)
        break
      default:
        return
    }
    this.passing.push(name, value)
  }

  #findAgain(): void {
    this.location = -1
    this.cookies.length = 0
    for (let index = 0; index < this.passing.length; index += 2) {
      const kind = responseHeaderKind(String(this.passing[index]))
      if (kind === 'location') this.location = index + 1
      else if (kind === 'set-cookie') this.cookies.push(index + 1)
    }
  }
}

function text(piece: Buffer | undefined): string {
  return piece?.toString('latin1') ?? ''
}

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
