import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { CancelTimer } from '@lb/core'
import type { ResponseSink } from '@lb/undici/authoring'
import { breakOff } from './errors.ts'
import type { HeaderList } from './headers.ts'
import { combined, http2Stream, writeHttp2Head } from './http2.ts'
import type { ProxySettings } from './options.ts'
import type { ProxyResponse } from './response.ts'

/** Characters of a reason phrase that are passed on. */
const reasonLimit = 256

/**
 * Writes the head of a response: what a middleware said stays, unless the instance says otherwise.
 *
 * @param headers name, value, name, value …
 * @throws when Node does not take a name or value; nothing of the head is left on `response` then
 */
export function writeHead(response: ServerResponse, statusCode: number, statusText: string, headers: string[]): void {
  if (response.req.httpVersionMajor === 2) {
    writeHttp2Head(response, statusCode, headers)
    return
  }
  // A reason that cannot be written, or is long, is left out: it means nothing.
  const isWritable = statusText === STATUS_CODES[statusCode] || isWritableReason(statusText)
  const reason = isWritable ? statusText : ''
  // A middleware that wraps `writeHead` may not know headers in this form.
  if (response.getHeaderNames().length === 0 && !Object.hasOwn(response, 'writeHead')) {
    response.writeHead(statusCode, reason, headers)
    return
  }
  try {
    setHeaders(response, headers)
    response.writeHead(statusCode, reason)
  } catch (error) {
    for (let index = 0; index < headers.length; index += 2) response.removeHeader(headers[index] ?? '')
    throw error
  }
}

function isWritableReason(text: string): boolean {
  return text.length <= reasonLimit && /^[\t\x20-\x7e\x80-\xff]*$/.test(text)
}

function setHeaders(response: ServerResponse, headers: readonly string[]): void {
  const written = new Set<string>()
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? ''
    const value = headers[index + 1] ?? ''
    const key = name.toLowerCase()
    if (written.has(key)) response.appendHeader(name, value)
    else response.setHeader(name, value)
    written.add(key)
  }
}

/** Bytes that may wait for the client before interim responses are left out. */
const interimWaitingLimit = 16_384

/** Passes an interim response on: the links of 103 (Early Hints), and 102 (Processing). */
export function writeInterim(response: ServerResponse, statusCode: number, headers: HeaderList): void {
  // A client that does not read has no use for hints.
  if (response.headersSent || response.writableLength > interimWaitingLimit) return
  try {
    if (statusCode === 102) writeProcessing(response)
    if (statusCode !== 103) return
    const links = headers.getAll('link').flatMap((each) => each.split(/,\s*(?=<)/))
    if (links.length > 0) response.writeEarlyHints({ link: links })
  } catch {
    // Hints that Node takes for malformed are only hints.
  }
}

function writeProcessing(response: ServerResponse): void {
  const stream = http2Stream(response)
  if (stream === undefined) response.writeProcessing()
  else stream.additionalHeaders({ ':status': 102 })
}

/** Bytes up to which copying a body costs less than writing it apart. */
const shortBody = 4_096
/**
 * Bytes that may wait for the client before the instance has to. Node says "full" at half of that, which one read from the instance
 * reaches: to stop it and start it again after each costs more than the memory.
 */
const waitingLimit = 131_072

/** Passes a body on to a client, no faster than it reads, and gives up one that does not read at all. */
export class ClientSink implements ResponseSink<readonly Buffer[]> {
  /** Whether the client has been given all of the response. */
  hasEnded = false
  readonly #response: ServerResponse
  readonly #upstream: ProxyResponse
  readonly #settings: Pick<ProxySettings, 'clock' | 'idleTimeoutMs'>
  readonly #flush: (() => void) | undefined
  #cancelTimer: CancelTimer | undefined
  #listens = false
  #isClosed = false

  /** @param settings hold the time limit of a client that does not read */
  constructor(
    response: ServerResponse,
    upstream: ProxyResponse,
    settings: Pick<ProxySettings, 'clock' | 'idleTimeoutMs'>,
  ) {
    this.#response = response
    this.#upstream = upstream
    this.#settings = settings
    if (upstream.headers.contentLength !== undefined) return
    // A middleware that compresses holds back what is short. What has no length may be events, each of which is waited for.
    const { flush }: { flush?: unknown } = Object(response)
    if (Object.hasOwn(response, 'flush') && typeof flush === 'function') this.#flush = () => flush.call(response)
  }

  begin(isHere: boolean): void {
    if (!isHere) this.#response.flushHeaders()
  }

  write(chunk: Buffer): boolean {
    if (this.#response.writableEnded) {
      // A middleware ended it: to write on would be an error of the response without a listener.
      this.#upstream.abort(new DOMException('the response was ended', 'AbortError'))
      return false
    }
    const isTaken = this.#response.write(chunk)
    this.#flush?.()
    if (isTaken || this.#response.writableLength < waitingLimit) return true
    if (!this.#isClosed) this.#waitForClient()
    return false
  }

  end(rawTrailers: readonly Buffer[]): void {
    this.hasEnded = true
    this.#cancelTimer?.()
    if (rawTrailers.length > 0) this.#addTrailers(rawTrailers)
    this.#response.end()
  }

  endWith(chunk: Buffer, rawTrailers: readonly Buffer[]): void {
    if (rawTrailers.length > 0) {
      this.write(chunk)
      this.end(rawTrailers)
      return
    }
    this.hasEnded = true
    // As a string, a short body is written together with the header: one piece instead of two.
    if (chunk.length <= shortBody && !this.#response.chunkedEncoding) {
      this.#response.end(chunk.toString('latin1'), 'latin1')
    } else {
      this.#response.end(chunk)
    }
  }

  fail(): void {
    breakOff(this.#response)
  }

  /** The client cannot get the rest. */
  closed(): void {
    this.#isClosed = true
    this.#cancelTimer?.()
  }

  #addTrailers(raw: readonly Buffer[]): void {
    const response = this.#response
    const isHttp2 = http2Stream(response) !== undefined
    if (!isHttp2 && !response.chunkedEncoding) return
    try {
      const pairs = trailers(raw)
      response.addTrailers(isHttp2 ? Object.fromEntries(combined(pairs.flat())) : pairs)
    } catch {
      // Node takes one for malformed: none of them is passed on.
    }
  }

  #waitForClient(): void {
    if (!this.#listens) {
      this.#listens = true
      this.#response.on('drain', () => this.#drained())
    }
    const { clock, idleTimeoutMs } = this.#settings
    if (idleTimeoutMs === Number.POSITIVE_INFINITY) return
    // Destroying it aborts the request to the instance, by the response's 'close'.
    this.#cancelTimer ??= clock.setTimeout(() => breakOff(this.#response), idleTimeoutMs)
  }

  #drained(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#upstream.resume()
  }
}

/** What a trailer may not say (RFC 9110 section 6.5.1): it would change how the message is understood. */
const notInTrailers: ReadonlySet<string> = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'host',
  'keep-alive',
  'location',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

function trailers(raw: readonly Buffer[]): [string, string][] {
  const pairs: [string, string][] = []
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]?.toString('latin1') ?? ''
    if (!notInTrailers.has(name.toLowerCase())) pairs.push([name, raw[index + 1]?.toString('latin1') ?? ''])
  }
  return pairs
}
