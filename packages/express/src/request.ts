import type { IncomingMessage } from 'node:http'
import type { ServiceInstance } from '@lb/core'
import { authorityOf } from '@lb/core/authoring'
import { isAuthority } from './authority.ts'
import { RequestRefusal } from './errors.ts'
import { addXForwarded, type ClientFacts, type ForwardedFields, forwardedElement } from './forwarded.ts'
import { bothKinds, type HeaderKind, namedByConnection, removeNamed } from './headers.ts'
import { isHttp2, mayHaveBody } from './http2.ts'
import type { MaybeExpressRequest } from './middleware.ts'
import type { ProxySettings } from './options.ts'
import { mayLackFields } from './server.ts'

const requestKinds: ReadonlyMap<string, HeaderKind> = new Map([
  ...bothKinds,
  ['proxy-authorization', 'hop-by-hop'],
  ['http2-settings', 'hop-by-hop'],
  // A CGI program would take it for the variable HTTP_PROXY.
  ['proxy', 'hop-by-hop'],
  // 100 (Continue) was answered by this server.
  ['expect', 'hop-by-hop'],
  // Trailers of requests are not passed on.
  ['trailer', 'hop-by-hop'],
  ['te', 'te'],
  ['host', 'host'],
  ['via', 'via'],
  ['forwarded', 'forwarded'],
  ['x-forwarded-for', 'x-forwarded-for'],
  ['x-forwarded-host', 'x-forwarded-host'],
  ['x-forwarded-proto', 'x-forwarded-proto'],
  ['x-forwarded-port', 'x-forwarded-port'],
  ['x-forwarded-prefix', 'x-forwarded-prefix'],
])

/** What is done with a header of a request. */
export function requestHeaderKind(header: string): HeaderKind | undefined {
  return requestKinds.get(header.toLowerCase())
}

/**
 * The headers of a client's request, read once: those that pass, and those that say something to the proxy. What
 * could be read in two ways is refused, also if Node's parser is configured to be lenient.
 */
export class InboundHeaders implements ForwardedFields {
  /** Name, value, name, value …: what passes as it is. */
  readonly passing: string[] = []
  host: string | undefined
  via: string | undefined
  forwarded: string | undefined
  xForwardedFor: string | undefined
  xForwardedHost: string | undefined
  xForwardedProto: string | undefined
  xForwardedPort: string | undefined
  xForwardedPrefix: string | undefined
  /** Everything else of the `X-Forwarded-` family: name, value, name, value … */
  readonly xForwardedOthers: string[] = []
  contentLength: number | undefined
  isChunked = false
  /** Whether the client takes trailers. */
  takesTrailers = false
  /** Whether the request came over HTTP/2. */
  readonly isHttp2: boolean
  /** Of HTTP/2: the pieces of the cookie, and whether there is a body of a length that is not said. */
  #crumbs: string | undefined
  #isOpen = false
  #authority: string | undefined
  #connection: string | undefined

  /** @throws RequestRefusal */
  constructor(request: IncomingMessage) {
    const { rawHeaders, httpVersion } = request
    this.isHttp2 = isHttp2(request)
    if (httpVersion !== '1.1' && httpVersion !== '1.0' && !this.isHttp2)
      throw new RequestRefusal(505, 'The version of HTTP is not served.')
    // Among those that are missing may be the one that says where the body ends. Over HTTP/2 Node resets the stream.
    if (!this.isHttp2 && mayLackFields(request))
      throw new RequestRefusal(431, 'The request has too many header fields.')
    for (let index = 0; index < rawHeaders.length; index += 2) {
      this.#read(rawHeaders[index] ?? '', rawHeaders[index + 1] ?? '')
    }
    if (this.isChunked && (this.contentLength !== undefined || httpVersion === '1.0')) {
      throw new RequestRefusal(400, 'The length of the request is given in two ways.')
    }
    if (this.isHttp2) this.#readHttp2(request)
    if (this.host !== undefined && this.host !== '' && !isAuthority(this.host)) {
      throw new RequestRefusal(400, 'The Host field is malformed.')
    }
    const named = this.#connection === undefined ? undefined : namedByConnection(this.#connection)
    if (named !== undefined) removeNamed(this.passing, named)
  }

  get hasBody(): boolean {
    return this.isChunked || this.#isOpen || (this.contentLength !== undefined && this.contentLength > 0)
  }

  /** What is said otherwise over HTTP/2 (RFC 9113 section 8). */
  #readHttp2(request: IncomingMessage): void {
    if (this.isChunked || this.#connection !== undefined) {
      throw new RequestRefusal(400, 'The request has fields of a connection of HTTP/1.')
    }
    const { host } = this
    this.host = this.#authority ?? host
    if (host !== undefined && host.toLowerCase() !== this.host?.toLowerCase()) {
      throw new RequestRefusal(400, 'The Host field is not the authority.')
    }
    if (this.#crumbs !== undefined) this.passing.push('cookie', this.#crumbs)
    this.#isOpen = this.contentLength === undefined && mayHaveBody(request)
  }

  #read(name: string, value: string): void {
    const kind = requestHeaderKind(name)
    if (kind === undefined) {
      if (this.isHttp2 && this.#readHttp2Field(name, value)) return
      // Some servers take an underscore for a dash.
      if (/^x[-_]forwarded/i.test(name)) this.xForwardedOthers.push(name, value)
      else this.passing.push(name, value)
      return
    }
    switch (kind) {
      case 'host':
        if (this.host !== undefined) throw new RequestRefusal(400, 'There are two Host fields.')
        this.host = value
        break
      case 'connection':
        this.#connection = joined(this.#connection, value)
        break
      case 'content-length':
        this.#readContentLength(name, value)
        break
      case 'transfer-encoding':
        if (this.isChunked) throw new RequestRefusal(400, 'There are two Transfer-Encoding fields.')
        if (value.toLowerCase() !== 'chunked') throw new RequestRefusal(501, 'The transfer coding is not supported.')
        this.isChunked = true
        break
      case 'te':
        if (/(?:^|,)\s*trailers\s*(?:,|$)/i.test(value)) this.takesTrailers = true
        break
      case 'via':
        this.via = joined(this.via, value)
        break
      default:
        this.#readForwarded(kind, value)
    }
  }

  #readForwarded(kind: HeaderKind, value: string): void {
    // It says nothing.
    if (value === '') return
    switch (kind) {
      case 'forwarded':
        this.forwarded = joined(this.forwarded, value)
        break
      case 'x-forwarded-for':
        this.xForwardedFor = joined(this.xForwardedFor, value)
        break
      case 'x-forwarded-host':
        this.xForwardedHost ??= value
        break
      case 'x-forwarded-proto':
        this.xForwardedProto ??= value
        break
      case 'x-forwarded-port':
        this.xForwardedPort ??= value
        break
      case 'x-forwarded-prefix':
        this.xForwardedPrefix = joined(this.xForwardedPrefix, value)
        break
      default:
    }
  }

  /** A pseudo-header, or a piece of the cookie (RFC 9113 section 8.2.3). */
  #readHttp2Field(name: string, value: string): boolean {
    if (name === ':authority') this.#authority = value
    else if (name === 'cookie') this.#crumbs = this.#crumbs === undefined ? value : `${this.#crumbs}; ${value}`
    return name.startsWith(':') || name === 'cookie'
  }

  #readContentLength(name: string, value: string): void {
    if (this.contentLength !== undefined || !/^\d{1,15}$/.test(value)) {
      throw new RequestRefusal(400, 'The Content-Length is malformed.')
    }
    this.contentLength = Number(value)
    this.passing.push(name, value)
  }
}

function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before}, ${value}`
}

/** The headers for an instance, but for `Host`: what passes, and what the proxy says. */
export function outgoingHeaders(
  request: IncomingMessage,
  inbound: InboundHeaders,
  client: ClientFacts & { readonly mount: string },
  { via, forwarded }: ProxySettings,
): string[] {
  const headers = inbound.passing
  if (inbound.takesTrailers) headers.push('te', 'trailers')
  if (client.trusted) headers.push(...inbound.xForwardedOthers)
  if (via !== undefined) {
    const own = `${inbound.isHttp2 ? '2' : request.httpVersion} ${via}`
    headers.push('via', inbound.via === undefined ? own : `${inbound.via}, ${own}`)
  } else if (inbound.via !== undefined) {
    headers.push('via', inbound.via)
  }
  if (forwarded === 'both' || forwarded === 'x-forwarded') addXForwarded(headers, inbound, client, client.mount)
  if (forwarded === 'both' || forwarded === 'forwarded') {
    const own = forwardedElement(client)
    const before = client.trusted ? inbound.forwarded : undefined
    headers.push('forwarded', before === undefined ? own : `${before}, ${own}`)
  }
  return headers
}

/** @param host what the client calls this server */
export function clientFacts(
  request: MaybeExpressRequest,
  trustProxy: ProxySettings['trustProxy'] = request.app?.get?.('trust proxy fn') as ProxySettings['trustProxy'],
  host: string,
): ClientFacts {
  const address = clientAddress(request)
  return {
    address,
    proto: 'encrypted' in request.socket ? 'https' : 'http',
    host,
    port: request.socket.localPort ?? 0,
    trusted: typeof trustProxy === 'function' ? trustProxy(address, 0) === true : trustProxy === true,
  }
}

/** An IPv4 client of a socket that listens on IPv6 is called by its IPv4 address. */
function clientAddress(request: IncomingMessage): string {
  const address = request.socket.remoteAddress
  if (address === undefined) return 'unknown'
  return address.startsWith('::ffff:') ? address.slice(7) : address
}

/** The value of `Host` for `instance`; `undefined`: its own address, which the transport writes. */
export function hostFor(
  instance: ServiceInstance,
  { hostHeader, service }: Pick<ProxySettings, 'hostHeader' | 'service'>,
  clientHost: string,
): string {
  if (hostHeader === 'client' && clientHost !== '') return clientHost
  return hostHeader === 'service' ? service : hostHeaderOf(instance)
}

/** `host:port` as a URL spells it, without the default port of the scheme. */
export function hostHeaderOf({ host, port, secure }: ServiceInstance): string {
  return authorityOf(host, port === (secure ? 443 : 80) ? undefined : port)
}

// The ESM and the CommonJS build may both be loaded in one process; a registered symbol is the same in both.
const refused = Symbol.for('@lb/express.refused-connection')

/** Notes that nothing more of the request's connection is carried out. */
export function refuseConnection(request: IncomingMessage): void {
  // Over HTTP/2 there is no doubt where a request ends.
  if (!isHttp2(request)) Object.assign(request.socket, { [refused]: true })
}

/** Whether an earlier request of the same connection was refused. The connection is about to be closed. */
export function isConnectionRefused(request: IncomingMessage): boolean {
  if (isHttp2(request)) return false
  const { [refused]: isRefused }: { readonly [refused]?: unknown } = Object(request.socket)
  return isRefused === true
}
