import type { Duplex } from 'node:stream'
import type { AttemptContext, AttemptResult, Classification, ServiceInstance } from '@lb/core'
import { classifyError, classifyResponse, maxResponseFields } from '@lb/core/authoring'
import { HeldResponse } from '@lb/undici/authoring'
import { UnusableResponse } from './errors.ts'
import { bothKinds, type HeaderKind, namedByConnection, ordinaryConnection, removeNamed } from './headers.ts'
import type { RequestBody } from './request-body.ts'

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
  isChunked = false
  #connection: string | undefined

  /**
   * @param raw as the parser gives them: name, value, name, value …
   * @throws UnusableResponse when it says in two ways, or in none that is known, where the body ends, or has too many headers
   */
  constructor(statusCode: number, raw: readonly Buffer[]) {
    if (raw.length > maxResponseFields * 2) throw new UnusableResponse('there are too many headers')
    const texts = textsOf(raw)
    for (let index = 0; index < texts.length; index += 2) {
      this.#read(texts[index] ?? '', texts[index + 1] ?? '', statusCode)
    }
    if (this.isChunked && this.contentLength !== undefined) {
      throw new UnusableResponse('the length of the response is given in two ways')
    }
    const connection = this.#connection ?? 'keep-alive'
    if (connection === 'keep-alive' || ordinaryConnection.test(connection)) return
    removeNamed(this.passing, namedByConnection(connection))
    this.#findAgain()
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
        if (this.isChunked || value.toLowerCase() !== 'chunked') {
          throw new UnusableResponse('the transfer coding of the response is not supported')
        }
        this.isChunked = true
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

/** Bytes beyond which pieces do not come from one read. */
const longestBlock = 65_536

/**
 * Names and values as text. They mostly lie in one buffer, as the parser found them: to decode that once, and to cut it, takes a third of the
 * time of decoding each (decision 146).
 */
function textsOf(raw: readonly Buffer[]): string[] {
  const [first, last] = [raw[0], raw[raw.length - 1]]
  if (first === undefined || last === undefined) return []
  const { buffer, byteOffset: start } = first
  const size = last.byteOffset + last.length - start
  if (last.buffer !== buffer || size < 0 || size > longestBlock) return raw.map(textOf)
  const block = Buffer.from(buffer, start, size).toString('latin1')
  const texts: string[] = []
  // A loop, not a callback: 0.2 µs of a response.
  for (const each of raw) {
    const at = each.byteOffset - start
    const end = at + each.length
    if (each.buffer !== buffer || at < 0 || end > size) return raw.map(textOf)
    texts.push(block.slice(at, end))
  }
  return texts
}

function textOf(piece: Buffer): string {
  return piece.toString('latin1')
}

/** Receives interim responses, 102 or 103. */
export interface InterimListener {
  interim(statusCode: number, headers: ResponseHeaders): void
}

/**
 * The response of one instance to one attempt: a handler for undici's dispatch, in the form that hands out what the parser finds as it
 * is (docs/decisions/0020). The load balancer decides on it at its head.
 */
export class ProxyResponse extends HeldResponse<readonly Buffer[]> {
  readonly instance: ServiceInstance
  /** The `Host` of the request. */
  readonly hostSent: string
  readonly #context: AttemptContext
  readonly #listener: InterimListener
  statusCode = 0
  statusText = ''
  headers!: ResponseHeaders
  /** The connection, when the instance agreed to an upgrade. */
  socket: Duplex | undefined
  #abort: ((reason: Error) => void) | undefined
  #resume: (() => void) | undefined

  constructor(instance: ServiceInstance, hostSent: string, context: AttemptContext, listener: InterimListener) {
    super()
    this.instance = instance
    this.hostSent = hostSent
    this.#context = context
    this.#listener = listener
    context.onInterrupt((reason) => {
      this.abort(reason instanceof Error ? reason : new DOMException('the request was aborted', 'AbortError'))
    })
  }

  override get contentLength(): number {
    return this.headers.contentLength ?? Number.NaN
  }

  /** Counts the request in flight until the body, or the upgraded connection, has ended. */
  countInFlight(): void {
    this.keepInFlight(this.#context)
  }

  onConnect(abort: (reason?: Error) => void): void {
    this.#abort = abort
    this.begin()
  }

  onHeaders(statusCode: number, rawHeaders: readonly Buffer[], resume: () => void, statusText: string): boolean {
    const headers = new ResponseHeaders(statusCode, rawHeaders)
    if (statusCode < 200) {
      if (!this.admitsInterim(rawHeaders)) throw new UnusableResponse('there are too many interim responses')
      this.#listener.interim(statusCode, headers)
      return true
    }
    this.#resume = resume
    this.#decide(statusCode, statusText, headers)
    return true
  }

  onUpgrade(statusCode: number, rawHeaders: readonly Buffer[], socket: Duplex): void {
    const headers = new ResponseHeaders(statusCode, rawHeaders)
    this.socket = socket
    // Until it is passed on.
    socket.on('error', () => {})
    this.upgraded(socket)
    this.#decide(statusCode, 'Switching Protocols', headers)
  }

  onComplete(rawTrailers: readonly Buffer[] | null): void {
    if (rawTrailers !== null && rawTrailers.length > maxResponseFields * 2) {
      this.onError(new UnusableResponse('there are too many trailers'))
    } else this.end(rawTrailers ?? [])
  }

  onError(error: Error): void {
    if (this.#isOnlyTrailer(error)) this.end([])
    else this.failed(error)
  }

  protected override blames(error: Error): boolean {
    return error.name !== 'AbortError'
  }

  protected override abortTransport(reason: Error): void {
    this.#abort?.(reason)
  }

  /** It pauses by what `onData` returns. */
  protected override pauseTransport(): void {}

  protected override resumeTransport(): void {
    this.#resume?.()
  }

  #decide(statusCode: number, statusText: string, headers: ResponseHeaders): void {
    this.statusCode = statusCode
    this.statusText = statusText
    this.headers = headers
    this.decide()
  }

  /** The parser takes a trailer for the length of the body, which has ended; where the header said so, it was refused. */
  #isOnlyTrailer({ name, message }: Error): boolean {
    return (
      this.statusCode !== 0 &&
      this.headers.isChunked &&
      name === 'HTTPParserError' &&
      message.includes('Content-Length')
    )
  }
}

/** How an attempt ended. The request stays in flight until the body of its response has ended. */
export function classify(result: AttemptResult<ProxyResponse>): Classification {
  if (!result.ok) return classifyError(result.error)
  const { value } = result
  value.countInFlight()
  const { retryAfter, date, loadReport } = value.headers
  return classifyResponse({ statusCode: value.statusCode, retryAfter, date, loadReport })
}

/** The same for a request with a body: one that was streamed is gone. */
export function classifyWithBody(result: AttemptResult<ProxyResponse>, body: RequestBody): Classification {
  const classification = classify(result)
  return body.isReplayable ? classification : { ...classification, retry: 'never' }
}
