import type { Duplex } from 'node:stream'
import type { AttemptContext, AttemptResult, Classification, ServiceInstance } from '@lb/core'
import { classifyError, classifyResponse, maxResponseFields } from '@lb/core/authoring'
import { HeldResponse } from '@lb/undici/authoring'
import { UnusableResponse } from './errors.ts'
import type { RequestBody } from './request-body.ts'
import { ResponseHeaders } from './response-headers.ts'

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
  readonly #context: AttemptContext
  readonly #listener: InterimListener
  statusCode = 0
  statusText = ''
  headers!: ResponseHeaders
  /** The connection, when the instance agreed to an upgrade. */
  socket: Duplex | undefined
  #abort: ((reason: Error) => void) | undefined
  #resume: (() => void) | undefined

  constructor(instance: ServiceInstance, context: AttemptContext, listener: InterimListener) {
    super()
    this.instance = instance
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

  onData(chunk: Buffer): boolean {
    return this.data(chunk)
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

  protected override completed(): void {}

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
