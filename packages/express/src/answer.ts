import type { Duplex } from 'node:stream'
import { type AttemptContext, InterimResponses, maxResponseFields, type ServiceInstance } from '@lb/core'
import { AnswerHeaders, UnusableAnswer } from './response-headers.ts'

/** Bytes of a body that wait for the decision whether the answer is passed on. */
const heldLimit = 65_536
/** Bytes of a body nobody wants that are read, so that the connection can be used again. */
const drainLimit = 65_536

/** What becomes of an answer while it arrives. */
export interface AnswerListener {
  /** An interim answer, 102 or 103. */
  interim(statusCode: number, headers: AnswerHeaders): void
}

/** Where the body of an answer goes. */
export interface BodySink {
  /** The body is still to come. */
  begin(): void
  /** Whether more is wanted at once; otherwise `UpstreamAnswer.resume` asks for more. */
  write(chunk: Buffer): boolean
  end(rawTrailers: readonly Buffer[]): void
  /** The whole body, which has no trailers. */
  endWith(chunk: Buffer): void
  /** The body broke off. */
  fail(error: Error): void
}

/**
 * The answer of one instance to one attempt: a handler for undici's dispatch, in the form that hands out what the parser
 * finds as it is. Until somebody decides to pass the answer on, its body is held, up to a limit.
 */
export class Answer {
  readonly instance: ServiceInstance
  readonly context: AttemptContext
  readonly #listener: AnswerListener
  statusCode = 0
  statusText = ''
  headers!: AnswerHeaders
  /** The connection, when the instance agreed to an upgrade. */
  socket: Duplex | undefined
  /** The whole body was received. */
  isComplete = false
  #resolve!: (answer: Answer) => void
  #reject!: (reason: unknown) => void
  #abort: ((reason: Error) => void) | undefined
  #resume: (() => void) | undefined
  #reason: Error | undefined
  #error: Error | undefined
  #held: Buffer[] = []
  #heldBytes = 0
  #rawTrailers: readonly Buffer[] = []
  #sink: BodySink | undefined
  #isUnwanted = false
  #interim: InterimResponses | undefined
  #endResolve: (() => void) | undefined
  #endReject: ((error: unknown) => void) | undefined

  constructor(instance: ServiceInstance, context: AttemptContext, listener: AnswerListener) {
    this.instance = instance
    this.context = context
    this.#listener = listener
  }

  /** Resolves with this when the header of the answer is there. */
  started(send: (answer: Answer) => void): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      this.context.onInterrupt((reason) => this.abort(asError(reason)))
      send(this)
    })
  }

  /** Counts the request in flight until the body, or the upgraded connection, has ended. */
  keepInFlight(): void {
    if (this.isComplete) return
    this.context.until(
      new Promise<void>((resolve, reject) => {
        this.#endResolve = resolve
        this.#endReject = reject
      }),
    )
  }

  /** The upgraded connection is over. */
  ended(): void {
    this.isComplete = true
    this.#endResolve?.()
  }

  /** Ends the request, whatever it is doing; the connection is lost. */
  abort(reason: Error): void {
    if (this.isComplete || this.#reason !== undefined || this.#error !== undefined) return
    this.#reason = reason
    if (this.socket !== undefined) {
      this.socket.destroy()
      this.ended()
    } else if (this.#abort !== undefined) this.#abort(reason)
    // Not on a connection yet: it ends there, but nobody waits for that.
    else this.#reject(reason)
  }

  /** Nobody wants the answer: what is left of it is read if that is little, else the connection is given up. */
  discard(): void {
    this.#held = []
    if (this.isComplete) return
    this.#isUnwanted = true
    if (this.socket !== undefined) {
      this.abort(unwanted())
      return
    }
    const { contentLength } = this.headers
    if (contentLength !== undefined && contentLength > drainLimit) this.abort(unwanted())
    else this.#resume?.()
  }

  /** Hands what was held, and all that follows, to `sink`. */
  passTo(sink: BodySink): void {
    this.#sink = sink
    const held = this.#held
    if (this.isComplete && held.length === 1 && this.#rawTrailers.length === 0) {
      sink.endWith(held[0] as Buffer)
      return
    }
    this.#held = []
    let wantsMore = true
    if (held.length === 0 && !this.isComplete) sink.begin()
    for (const chunk of held) wantsMore = sink.write(chunk)
    if (this.isComplete) sink.end(this.#rawTrailers)
    else if (this.#error !== undefined) sink.fail(this.#error)
    else if (wantsMore) this.#resume?.()
  }

  /** More of the body is wanted again. */
  resume(): void {
    if (this.#reason === undefined) this.#resume?.()
  }

  onConnect(abort: (reason?: Error) => void): void {
    this.#abort = abort
    if (this.#reason !== undefined) abort(this.#reason)
  }

  onHeaders(statusCode: number, rawHeaders: readonly Buffer[], resume: () => void, statusText: string): boolean {
    const headers = new AnswerHeaders(statusCode, rawHeaders)
    if (statusCode < 200) {
      this.#interim ??= new InterimResponses()
      if (!this.#interim.add(rawHeaders)) throw new UnusableAnswer('there are too many interim answers')
      this.#listener.interim(statusCode, headers)
      return true
    }
    this.#take(statusCode, statusText, headers)
    this.#resume = resume
    this.#resolve(this)
    return true
  }

  onUpgrade(statusCode: number, rawHeaders: readonly Buffer[], socket: Duplex): void {
    this.#take(statusCode, 'Switching Protocols', new AnswerHeaders(statusCode, rawHeaders))
    this.socket = socket
    // Until somebody takes it.
    socket.on('error', () => {})
    this.#resolve(this)
  }

  onData(chunk: Buffer): boolean {
    if (this.#sink !== undefined) return this.#sink.write(chunk)
    this.#heldBytes += chunk.length
    if (this.#isUnwanted) {
      if (this.#heldBytes > drainLimit) this.abort(unwanted())
      return true
    }
    this.#held.push(chunk)
    return this.#heldBytes < heldLimit
  }

  onComplete(rawTrailers: readonly Buffer[] | null): void {
    if (rawTrailers !== null && rawTrailers.length > maxResponseFields * 2) {
      this.onError(new UnusableAnswer('there are too many trailers'))
      return
    }
    this.isComplete = true
    this.#rawTrailers = rawTrailers ?? []
    this.#endResolve?.()
    this.#sink?.end(this.#rawTrailers)
  }

  onError(error: Error): void {
    if (this.isComplete) return
    const hasEnded =
      this.statusCode === 204 || this.statusCode === 304 ? isOnlyLength(error) : this.#isOnlyTrailer(error)
    if (hasEnded) {
      this.onComplete(null)
      return
    }
    this.#error = error
    const reason = this.#reason ?? error
    this.#reject(reason)
    this.#sink?.fail(reason)
    // One that nobody wants any more is not to blame for being cut.
    if (this.#isUnwanted || reason.name === 'AbortError') this.#endResolve?.()
    else this.#endReject?.(reason)
  }

  /** The parser takes a trailer for the length of the body, which has ended; where the header said so, it was refused. */
  #isOnlyTrailer({ name, message }: Error): boolean {
    return this.headers?.isChunked === true && name === 'HTTPParserError' && message.includes('Content-Length')
  }

  #take(statusCode: number, statusText: string, headers: AnswerHeaders): void {
    this.statusCode = statusCode
    this.statusText = statusText
    this.headers = headers
  }
}

/** undici misses the body whose length an answer without one tells (RFC 9110 section 8.6). */
function isOnlyLength(error: Error): boolean {
  return (error as { code?: unknown }).code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'
}

function unwanted(): Error {
  return new DOMException('the answer is not wanted', 'AbortError')
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new DOMException('the request was aborted', 'AbortError')
}
