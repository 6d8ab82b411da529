import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2'
import { connect as connectTcp, type Socket } from 'node:net'
import { onClose } from './closers.ts'

/** What is of one connection of HTTP/1.1, or said otherwise over HTTP/2. */
const ofTheConnection = /^(?:connection|host|keep-alive|proxy-connection|te|transfer-encoding|upgrade)$/

/**
 * A server of HTTP/1.1 that does nothing but ask the server at `port` over HTTP/2: with it in front, a test that speaks HTTP/1.1 tests
 * HTTP/2. What ends a message too early on one side ends it on the other.
 */
export function overHttp2(port: number): Server {
  const session = connect(`http://127.0.0.1:${port}`)
  session.on('error', () => {})
  onClose(() => session.destroy())
  return createServer({ maxHeaderSize: 65_536 }, (request, response) => exchange(session, request, response))
}

function exchange(session: ClientHttp2Session, request: IncomingMessage, response: ServerResponse): void {
  const hasBody = request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length']) > 0
  const stream = session.request(requestHeaders(request), { endStream: !hasBody })
  if (hasBody) request.pipe(stream)
  else request.resume()
  stream.on('headers', (headers) => {
    if (headers[':status'] === 103) response.writeEarlyHints({ link: String(headers.link).split(', ') })
    if (headers[':status'] === 102) response.writeProcessing()
  })
  stream.on('response', (headers) => {
    response.writeHead(headers[':status'] ?? 0, responseHeaders(headers))
    response.flushHeaders()
  })
  stream.on('trailers', (trailers) => response.addTrailers(responseHeaders(trailers)))
  stream.pipe(response, { end: false })
  stream.on('error', () => {})
  stream.on('close', () => {
    if (stream.rstCode === constants.NGHTTP2_NO_ERROR) response.end()
    else response.destroy()
  })
  response.on('close', () => {
    if (!stream.closed) stream.close(constants.NGHTTP2_CANCEL)
  })
}

function requestHeaders({ method, url = '', rawHeaders, headers }: IncomingMessage): OutgoingHttpHeaders {
  const [, authority, path = url] = /^http:\/\/([^/]+)(.*)$/.exec(url) ?? []
  const fields: Record<string, string[]> = {}
  const named = new Set((headers.connection ?? '').toLowerCase().split(/\s*,\s*/))
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase()
    if (ofTheConnection.test(name) || named.has(name)) continue
    fields[name] = [...(fields[name] ?? []), rawHeaders[index + 1] ?? '']
  }
  const single = Object.entries(fields).map(([name, values]) => [name, values.length === 1 ? values[0] : values])
  return {
    ...Object.fromEntries(single),
    ...(headers.te?.includes('trailers') === true ? { te: 'trailers' } : {}),
    ':method': method,
    ':path': path,
    ':authority': authority ?? headers.host,
  }
}

function responseHeaders(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  const entries = Object.entries(headers).filter(([name, value]) => !name.startsWith(':') && value !== undefined)
  return Object.fromEntries(entries) as Record<string, string | string[]>
}

/** One frame (RFC 9113 section 4.1). */
function frame(type: number, flags: number, streamId: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(streamId, 5)
  return Buffer.concat([head, payload])
}

/** A request over a connection of its own, whose body can end in ways that no client has. */
export class RawHttp2Request {
  readonly #socket: Socket

  constructor(port: number, headers: Readonly<Record<string, string>>) {
    this.#socket = connectTcp(port, '127.0.0.1').on('error', () => {})
    onClose(() => this.#socket.destroy())
    // Literal fields that are not indexed (RFC 7541 section 6.2.2).
    const fields = Object.entries(headers).map(([name, value]) =>
      Buffer.concat([
        Buffer.from([0, name.length]),
        Buffer.from(name),
        Buffer.from([value.length]),
        Buffer.from(value),
      ]),
    )
    this.#socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    this.#socket.write(frame(4, 0, 0, Buffer.alloc(0)))
    this.#socket.write(frame(1, 4, 1, Buffer.concat(fields)))
  }

  /** A piece of the body, which is not the last. */
  data(piece: string): void {
    this.#socket.write(frame(0, 0, 1, Buffer.from(piece)))
  }

  reset(code: number): void {
    const payload = Buffer.alloc(4)
    payload.writeUInt32BE(code)
    this.#socket.write(frame(3, 0, 1, payload))
  }

  disconnect(): void {
    this.#socket.destroy()
  }
}

/** A response over HTTP/2, as it arrived. */
export interface Http2Response {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly trailers: IncomingHttpHeaders
  readonly interim: readonly IncomingHttpHeaders[]
  readonly body: string
  /** The code of the stream's reset; 0: none. */
  readonly rstCode: number
}

/** Sends one request and gives all that comes back, when the stream is closed. */
export async function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: string,
): Promise<Http2Response> {
  const stream = session.request(headers, { endStream: body === undefined })
  if (body !== undefined) stream.end(body)
  return responseOf(stream)
}

export async function responseOf(stream: ClientHttp2Stream): Promise<Http2Response> {
  const interim: IncomingHttpHeaders[] = []
  let [head, trailers, body]: [IncomingHttpHeaders, IncomingHttpHeaders, string] = [{}, {}, '']
  stream.setEncoding('latin1')
  stream.on('headers', (headers) => interim.push(headers)).on('error', () => {})
  stream.on('response', (headers) => (head = headers)).on('trailers', (headers) => (trailers = headers))
  stream.on('data', (chunk: string) => (body += chunk))
  await new Promise((resolve) => stream.on('close', resolve))
  const { ':status': status, ...headers } = head as IncomingHttpHeaders & { readonly ':status'?: number }
  return { status, headers, trailers, interim, body, rstCode: stream.rstCode }
}
