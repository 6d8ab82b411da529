import type { IncomingMessage, Server } from 'node:http'
import { RequestRefusal } from './errors.ts'
import { bothKinds, type HeaderKind, namedByConnection, ordinaryConnection, removeNamed } from './headers.ts'
import { mayHaveBody } from './http2.ts'
import type { MaybeExpressRequest } from './middleware.ts'
import type { ProxySettings } from './options.ts'

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
  // What a client says of it is the gateway's to judge. Some servers take an underscore for a dash.
  ['x-lb-criticality', 'hop-by-hop'],
  ['x-lb_criticality', 'hop-by-hop'],
  ['x_lb-criticality', 'hop-by-hop'],
  ['x_lb_criticality', 'hop-by-hop'],
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

/** Who the client is, as far as that is known: what the connection says, and what a trusted proxy before this one says. */
export interface ClientFacts {
  readonly address: string
  readonly proto: string
  readonly host: string
  /** The port of this server that the connection came to. */
  readonly port: number
  /** Whether the peer is a trusted proxy, so that its `Forwarded` and `X-Forwarded-*` are used. */
  readonly trusted: boolean
}

/** What a proxy before this one says about the client's request. */
export interface ForwardedFields {
  readonly forwarded: string | undefined
  readonly xForwardedFor: string | undefined
  readonly xForwardedHost: string | undefined
  readonly xForwardedProto: string | undefined
  readonly xForwardedPort: string | undefined
  readonly xForwardedPrefix: string | undefined
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
  /** The version of HTTP, as `Via` names it. */
  readonly version: string
  /** Of HTTP/2: the pieces of the cookie, and whether there is a body of a length that is not said. */
  #crumbs: string | undefined
  #isOpen = false
  #authority: string | undefined
  #connection: string | undefined

  /** @throws RequestRefusal */
  constructor(request: IncomingMessage) {
    const { rawHeaders, httpVersion } = request
    this.version = httpVersion === '2.0' ? '2' : httpVersion
    if (httpVersion !== '1.1' && httpVersion !== '1.0' && this.version !== '2')
      throw new RequestRefusal(505, 'The version of HTTP is not served.')
    // Among those that are missing may be the one that says where the body ends. Over HTTP/2 Node resets the stream.
    if (this.version !== '2' && mayLackFields(request))
      throw new RequestRefusal(431, 'The request has too many header fields.')
    for (let index = 0; index < rawHeaders.length; index += 2) {
      this.#read(rawHeaders[index] ?? '', rawHeaders[index + 1] ?? '')
    }
    if (this.isChunked && (this.contentLength !== undefined || httpVersion === '1.0')) {
      throw new RequestRefusal(400, 'The length of the request is given in two ways.')
    }
    if (this.version === '2') this.#readHttp2(request)
    if (this.host !== undefined && this.host !== '' && !isAuthority(this.host)) {
      throw new RequestRefusal(400, 'The Host field is malformed.')
    }
    const connection = this.#connection ?? 'keep-alive'
    if (connection === 'keep-alive' || ordinaryConnection.test(connection)) return
    removeNamed(this.passing, namedByConnection(connection))
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
      if (this.version === '2' && this.#readHttp2Field(name, value)) return
      // Some servers take an underscore for a dash.
      const mayBe = name.startsWith('x') || name.startsWith('X')
      if (mayBe && /^x[-_]forwarded/i.test(name)) this.xForwardedOthers.push(name, value)
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

const authorityPattern = /^(?:\[[\w.~:%-]+\]|[\w.~!$&'()*+,;=%-]+)(?::\d{0,5})?$/

/** What follows from the value of a `Host`. */
interface HostFacts {
  readonly host: string
  readonly isAuthority: boolean
  /** The port in it. */
  readonly port: string | undefined
}

let last: HostFacts | undefined

/** Kept of the last host, which most requests have: they take 0.2 µs. */
export function hostFacts(host: string): HostFacts {
  if (host === last?.host) return last
  const port = /:(\d{1,5})$/.exec(host)?.[1]
  last = { host, isAuthority: authorityPattern.test(host), port }
  return last
}

/** Whether `value` is a host, and maybe a port, as RFC 3986 section 3.2 has them, without user information. */
export function isAuthority(value: string): boolean {
  return hostFacts(value).isAuthority
}

/** Entries, names and values, of a request's header that Node keeps unless `maxHeadersCount` of the server says otherwise. */
const defaultHeaderEntries = 2_000

/** The server that a request came to, as Node notes it on the connection. */
export function serverOf({ socket }: { readonly socket: unknown }): HttpServer | undefined {
  const { server }: { readonly server?: HttpServer } = Object(socket)
  return server
}

/** `requireHostHeader` is an option that Node keeps on the server. */
type HttpServer = Server & { readonly requireHostHeader?: boolean }

/** Whether Node may have dropped header fields of `request`, which is one of HTTP/1: older versions do so without a word, newer ones refuse with 431. */
export function mayLackFields(request: IncomingMessage): boolean {
  const maxHeadersCount = serverOf(request)?.maxHeadersCount
  const limit = typeof maxHeadersCount === 'number' ? maxHeadersCount * 2 : defaultHeaderEntries
  return request.rawHeaders.length >= limit && limit > 0
}

// The ESM and the CommonJS build may both be loaded in one process; a registered symbol is the same in both.
const refused = Symbol.for('@lb/express.refused-connection')

/** Notes that nothing more of the request's connection is carried out. */
export function refuseConnection(request: IncomingMessage): void {
  // Over HTTP/2 there is no doubt where a request ends.
  if (request.httpVersionMajor !== 2) Object.assign(request.socket, { [refused]: true })
}

/** Whether an earlier request of the same connection was refused. The connection is about to be closed. */
export function isConnectionRefused(request: IncomingMessage): boolean {
  if (request.httpVersionMajor === 2) return false
  const { [refused]: isRefused }: { readonly [refused]?: unknown } = Object(request.socket)
  return isRefused === true
}
