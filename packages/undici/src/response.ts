import type { Duplex } from 'node:stream'
import type { AttemptContext, ServiceInstance } from '@lb/core'
import { loadReportHeader, maxResponseFields } from '@lb/core/authoring'
import { type Dispatcher, errors } from 'undici'
import { missesNoBody } from './bodiless.ts'
import type { ParsedHeaders, RawHeaders } from './call-controller.ts'
import { HeldResponse, heldLimit } from './held-response.ts'
import type { ResponseSink } from './response-sink.ts'

type Controller = Dispatcher.DispatchController

const noHeaders: ParsedHeaders = Object.freeze({})

/** What a response asks of the call that it is for. */
export interface ResponseCall extends ResponseSink<ParsedHeaders> {
  /** Whether the request may have to be repeated. */
  readonly isIdempotent: boolean
  /** Makes `response` the one that the caller gets; false when there is one, or none is needed any more. */
  take(response: ServiceResponse): boolean
  /** The first byte of a response has arrived. */
  firstByte(): void
  /** The caller gets a status with its headers. */
  head(statusCode: number, headers: ParsedHeaders, statusText: string): void
  /** The caller gets the connection. */
  upgrade(statusCode: number, headers: ParsedHeaders, socket: Duplex): void
  /** What `location`, in a redirect of `instance`, is to the caller. */
  seenByCaller(location: string, instance: ServiceInstance): string
}

/**
 * The response of one instance to one attempt, as undici hands it out. It goes to the caller as it arrives, unless the request may have
 * to be repeated: then a short one is held until it is complete, and one with a status that may be repeated until lb decides, which it
 * does at the head: the body of such a response may never come.
 */
export class ServiceResponse extends HeldResponse<ParsedHeaders> implements Dispatcher.DispatchHandler {
  readonly instance: ServiceInstance
  readonly #call: ResponseCall
  #context: AttemptContext | undefined
  statusCode = 0
  statusText = ''
  headers: ParsedHeaders = noHeaders
  /** Kept here: the transport may let go of them before the caller gets the response. */
  rawHeaders: RawHeaders = null
  rawTrailers: RawHeaders = null
  /** Whether the caller has seen some of it: then it is not repeated any more. */
  isPassedOn = false
  #controller: Controller | undefined

  constructor(call: ResponseCall, instance: ServiceInstance, context: AttemptContext) {
    super()
    this.#call = call
    this.instance = instance
    this.#context = context
  }

  override get contentLength(): number {
    return Number(single(this.headers['content-length']) ?? Number.NaN)
  }

  get retryAfter(): string | undefined {
    return single(this.headers['retry-after'])
  }

  get date(): string | undefined {
    return single(this.headers.date)
  }

  get loadReport(): string | undefined {
    return single(this.headers[loadReportHeader])
  }

  /** The caller gets the response, unless another attempt's is there. */
  passOn(): void {
    if (this.isPassedOn) return
    if (!this.#call.take(this)) {
      this.discard()
      return
    }
    this.isPassedOn = true
    this.passTo(this.#call)
  }

  /** Counts the request in flight until the body has ended. */
  countInFlight(): void {
    if (this.#context !== undefined) this.keepInFlight(this.#context)
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller
    this.begin()
  }

  onResponseStarted(): void {
    if (!this.isUnwanted) this.#call.firstByte()
  }

  onResponseStart(controller: Controller, statusCode: number, headers: ParsedHeaders, statusText = ''): void {
    this.#controller = controller
    const raw = controller.rawHeaders ?? null
    this.rawHeaders = raw
    if (this.isUnwanted) return
    if (statusCode < 200) {
      if (this.admitsInterim(listed(raw ?? headers))) this.#call.head(statusCode, headers, statusText)
      else this.abort(new errors.SocketError('bad response: too many interim responses'))
      return
    }
    if (countOf(raw ?? headers) > maxResponseFields) {
      this.abort(new errors.HeadersOverflowError(`more than ${maxResponseFields} headers`))
      return
    }
    this.statusCode = statusCode
    this.statusText = statusText
    this.headers = statusCode >= 300 && statusCode < 400 ? this.#redirect(headers) : headers
    const isHeld = this.#call.isIdempotent && (statusCode >= 400 || this.contentLength <= heldLimit)
    if (!isHeld) this.#passOnNow()
    else if (statusCode >= 400) this.decide()
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (!this.onData(chunk)) controller.pause()
  }

  onResponseEnd(controller: Controller | null, trailers: ParsedHeaders): void {
    this.rawTrailers = controller?.rawTrailers ?? null
    this.#context = undefined
    this.end(trailers)
  }

  onRequestUpgrade(controller: Controller, statusCode: number, headers: ParsedHeaders, socket: Duplex): void {
    this.#controller = controller
    this.rawHeaders = controller.rawHeaders ?? null
    if (this.isUnwanted || !this.#call.take(this)) {
      socket.destroy()
      return
    }
    this.statusCode = statusCode
    this.isPassedOn = true
    this.upgraded(socket)
    this.countInFlight()
    this.decide()
    this.#call.upgrade(statusCode, headers, socket)
  }

  onResponseError(controller: Controller | null, error: Error): void {
    if (missesNoBody(this.statusCode, error)) this.onResponseEnd(controller, {})
    else this.failed(error)
  }

  protected override completed(): void {
    // There was nothing to decide.
    if (this.statusCode < 400) this.#passOnNow()
  }

  protected override blames(): boolean {
    return true
  }

  protected override abortTransport(reason: Error): void {
    this.#controller?.abort(reason)
  }

  protected override pauseTransport(): void {
    this.#controller?.pause()
  }

  protected override resumeTransport(): void {
    this.#controller?.resume()
  }

  #passOnNow(): void {
    if (!this.#call.take(this)) {
      this.discard()
      return
    }
    this.isPassedOn = true
    this.countInFlight()
    // Before the caller gets it: what its handler throws is no failure of the instance.
    this.decide()
    this.passTo(this.#call)
  }

  /** The headers with `Location` as the caller sees it; so are the raw ones then. */
  #redirect(headers: ParsedHeaders): ParsedHeaders {
    const { location } = headers
    if (typeof location !== 'string') return headers
    const seen = this.#call.seenByCaller(location, this.instance)
    if (seen === location) return headers
    const raw = this.rawHeaders
    if (Array.isArray(raw)) this.rawHeaders = withLocation(raw, seen)
    else if (raw !== null) this.rawHeaders = { ...raw, location: seen }
    return { ...headers, location: seen }
  }
}

function withLocation(rawHeaders: readonly (Buffer | string)[], location: string): Buffer[] {
  return rawHeaders.map((each, index) => {
    const isLocation = index % 2 === 1 && String(rawHeaders[index - 1]).toLowerCase() === 'location'
    return isLocation ? Buffer.from(location, 'latin1') : Buffer.from(each)
  })
}

/** How many headers there are in the form that the transport has them in: names and values by turns, or a record. */
function countOf(headers: NonNullable<RawHeaders>): number {
  return Array.isArray(headers) ? headers.length / 2 : Object.keys(headers).length
}

/** Names and values by turns, in whatever form they came. */
function listed(headers: NonNullable<RawHeaders>): Iterable<{ readonly length: number }> {
  return Array.isArray(headers) ? headers : Object.entries(headers).flatMap(([name, value]) => [name, value ?? ''])
}

function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}
