import type { IncomingMessage } from 'node:http'
import { namedByConnection, removeNamed, requestFields } from './field-kinds.ts'
import { RequestRefusal } from './request-refusal.ts'
import { mayLackFields } from './server.ts'

/** Characters of a host and port, RFC 3986 section 3.2 without user information. */
const hostPattern = /^[\w.~!$&'()*+,;=%:[\]-]+$/

/**
 * The header fields of a client's request, read once: those that pass, and those that say something to the proxy. What
 * could be read in two ways is refused, also where Node's parser was told to be lenient.
 */
export class InboundHeaders {
  /** Name, value, name, value …: what passes as it is. */
  readonly passing: string[] = []
  host: string | undefined
  via: string | undefined
  forwarded: string | undefined
  xForwardedFor: string | undefined
  xForwardedHost: string | undefined
  xForwardedProto: string | undefined
  /** Everything else of the `X-Forwarded-` family: name, value, name, value … */
  readonly xForwardedOthers: string[] = []
  contentLength: number | undefined
  isChunked = false
  /** Whether the client takes trailers. */
  takesTrailers = false
  #connection: string | undefined

  /** @throws RequestRefusal */
  constructor(request: IncomingMessage) {
    const { rawHeaders, httpVersion } = request
    if (httpVersion !== '1.1' && httpVersion !== '1.0')
      throw new RequestRefusal(505, 'The version of HTTP is not served.')
    // Among those that are missing may be the one that says where the body ends.
    if (mayLackFields(request)) throw new RequestRefusal(431, 'The request has too many header fields.')
    for (let index = 0; index < rawHeaders.length; index += 2) {
      this.#read(rawHeaders[index] as string, rawHeaders[index + 1] as string)
    }
    if (this.isChunked && (this.contentLength !== undefined || httpVersion === '1.0')) {
      throw new RequestRefusal(400, 'The length of the request is given in two ways.')
    }
    if (this.host !== undefined && this.host !== '' && !hostPattern.test(this.host)) {
      throw new RequestRefusal(400, 'The Host field is malformed.')
    }
    const named = this.#connection === undefined ? undefined : namedByConnection(this.#connection)
    if (named !== undefined) removeNamed(this.passing, named)
  }

  get hasBody(): boolean {
    return this.isChunked || (this.contentLength !== undefined && this.contentLength > 0)
  }

  #read(name: string, value: string): void {
    const kind = requestFields.of(name)
    if (kind === undefined) {
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
      default:
    }
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
