import type { Duplex } from 'node:stream'
import {
  type AttemptContext,
  type CancelTimer,
  InterimResponses,
  maxResponseFields,
  type ServiceInstance,
  systemClock,
} from '@lb/core'
import { errors } from 'undici'
import type { AnswerFields } from './answer-fields.ts'
import type { ServiceCall } from './service-call.ts'

/** Bytes of an answer that wait for the decision whether the caller gets it. */
const heldLimit = 65_536
/** Bytes of an answer nobody wants that are read, so that the connection can be used again. */
const drainLimit = 65_536
/** How long they are waited for, in milliseconds. */
const drainTimeoutMs = 1_000

const noFields: AnswerFields = {
  count: 0,
  contentLength: Number.NaN,
  retryAfter: undefined,
  date: undefined,
  loadReport: undefined,
}

/**
 * The answer of one instance to one attempt. It goes to the caller as it arrives, unless the request may have to be
 * repeated: then a short one is held until it is complete, and one with a status that may be repeated until lb decides, which it does at
 * the head: the body of such an answer may never come.
 */
export abstract class Answer {
  readonly instance: ServiceInstance
  readonly #call: ServiceCall
  #context: AttemptContext | undefined
  statusCode = 0
  fields: AnswerFields = noFields
  /** Whether the caller has seen some of it: then it is not repeated any more. */
  isPassedOn = false
  #headers: unknown
  #statusText = ''
  #trailers: unknown
  #held: Buffer[] | undefined
  #bytes = 0
  #isHeadPassed = false
  #isDelivering = false
  #isComplete = false
  #error: Error | undefined
  #unwanted: Error | undefined
  #resolve!: (answer: Answer) => void
  #reject!: (reason: unknown) => void
  #end: PromiseWithResolvers | undefined
  #interim: InterimResponses | undefined
  #cancelDrain: CancelTimer | undefined

  constructor(call: ServiceCall, instance: ServiceInstance, context: AttemptContext) {
    this.#call = call
    this.instance = instance
    this.#context = context
  }

  /** What `location`, in a redirect, is to the caller. */
  protected seenByCaller(location: string): string {
    return this.#call.seenByCaller(location, this.instance)
  }

  protected abstract abortTransport(reason: Error): void
  protected abstract pauseTransport(): void
  protected abstract resumeTransport(): void

  /** Resolves with this when it is clear how the attempt ended. */
  started(send: () => void): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      send()
    })
  }

  /** Counts the request in flight until the body, or the upgraded connection, has ended. */
  keepInFlight(): void {
    if (this.#isOver || this.#end !== undefined) return
    this.#end = promiseWithResolvers()
    this.#context?.until(this.#end.promise)
  }

  /** Ends the attempt, whatever it is doing; the connection is lost. */
  abandon(reason: Error): void {
    if (this.#isOver || this.#unwanted !== undefined) {
      if (this.isPassedOn) this.#call.fail(reason)
      return
    }
    this.#unwanted = reason
    this.#reject(reason)
    this.abortTransport(reason)
  }

  /** Nobody wants the answer: what is left of it is read if that is little, else the connection is given up. */
  discard(): void {
    this.#held = undefined
    if (this.#isOver) return
    this.#unwanted = new DOMException('the answer is not wanted', 'AbortError')
    this.#bytes = 0
    if (this.fields.contentLength > drainLimit) this.abortTransport(this.#unwanted)
    else {
      const reason = this.#unwanted
      this.#cancelDrain = systemClock.setTimeout(() => this.abortTransport(reason), drainTimeoutMs, {
        background: true,
      })
      this.resumeTransport()
    }
  }

  /** The caller gets it. */
  passOn(): void {
    if (this.isPassedOn) return
    if (!this.#call.take(this)) {
      this.discard()
      return
    }
    this.isPassedOn = true
    this.#deliver()
  }

  pause(): void {
    if (!this.#isOver) this.pauseTransport()
  }

  /** The caller wants more again. */
  resume(): void {
    if (this.#isDelivering) return
    if (this.#held !== undefined || this.#isOver) this.#deliver()
    else this.resumeTransport()
  }

  /** The request goes out. */
  protected begin(): void {
    if (this.#unwanted !== undefined) this.abortTransport(this.#unwanted)
  }

  protected firstByte(): void {
    if (this.#unwanted === undefined) this.#call.firstByte()
  }

  /** @param rawFields names and values */
  protected interim(
    statusCode: number,
    headers: unknown,
    statusText: string,
    rawFields: Iterable<{ readonly length: number }>,
  ): void {
    if (this.#unwanted !== undefined) return
    this.#interim ??= new InterimResponses()
    if (this.#interim.add(rawFields)) this.#call.head(statusCode, headers, statusText)
    else this.abandon(new errors.SocketError('bad response: too many interim responses'))
  }

  /** @returns whether more is wanted at once */
  protected head(statusCode: number, headers: unknown, statusText: string, fields: AnswerFields): boolean {
    if (this.#unwanted !== undefined) return true
    if (fields.count > maxResponseFields) {
      this.abandon(new errors.HeadersOverflowError(`more than ${maxResponseFields} header fields`))
      return true
    }
    this.statusCode = statusCode
    this.#headers = headers
    this.#statusText = statusText
    this.fields = fields
    if (!this.#call.isIdempotent) return this.#passOnNow()
    if (statusCode >= 400) this.#resolve(this)
    else if (!(fields.contentLength <= heldLimit)) return this.#passOnNow()
    return true
  }

  protected data(chunk: Buffer): boolean {
    if (this.isPassedOn && this.#held === undefined) {
      const call = this.#call
      if (!call.finished) call.data(chunk)
      return !call.paused
    }
    this.#bytes += chunk.length
    if (this.#unwanted !== undefined) {
      if (this.#bytes > drainLimit) this.abortTransport(this.#unwanted)
      return true
    }
    if (this.#held === undefined) this.#held = [chunk]
    else this.#held.push(chunk)
    return this.#bytes <= heldLimit
  }

  protected end(trailers: unknown): void {
    if (this.#isOver) return
    this.#cancelDrain?.()
    this.#isComplete = true
    this.#trailers = trailers
    this.#end?.resolve()
    this.#context = undefined
    if (this.isPassedOn) {
      if (!this.#isDelivering) this.#deliver()
    } else if (this.#unwanted === undefined && this.statusCode < 400) {
      // There was nothing to decide.
      this.#passOnNow()
    }
  }

  protected upgrade(statusCode: number, headers: unknown, socket: Duplex): void {
    const call = this.#call
    if (this.#unwanted !== undefined || !call.take(this)) {
      socket.destroy()
      return
    }
    this.statusCode = statusCode
    this.isPassedOn = true
    this.keepInFlight()
    socket.once('close', () => this.#end?.resolve())
    this.#resolve(this)
    call.upgrade(statusCode, headers, socket)
  }

  protected failed(error: Error): void {
    if (this.#isOver) {
      // The caller's handler threw at an answer that was complete.
      if (this.isPassedOn) this.#call.fail(error)
      return
    }
    this.#error = error
    this.#cancelDrain?.()
    // One that nobody wants any more is not to blame for being cut.
    if (this.#unwanted !== undefined && !this.isPassedOn) this.#end?.resolve()
    else this.#end?.reject(error)
    if (this.isPassedOn) this.#call.fail(error)
    else this.#reject(error)
  }

  get #isOver(): boolean {
    return this.#isComplete || this.#error !== undefined
  }

  #passOnNow(): boolean {
    if (!this.#call.take(this)) {
      this.discard()
      return true
    }
    this.isPassedOn = true
    this.keepInFlight()
    // Before the caller hears of it: what it throws is not the instance's.
    this.#resolve(this)
    this.#deliver()
    return !this.#call.paused
  }

  #deliver(): void {
    this.#isDelivering = true
    if (this.#deliverHeld() && !this.#isOver) this.resumeTransport()
    this.#isDelivering = false
  }

  /** @returns whether all of it went to the caller */
  #deliverHeld(): boolean {
    const call = this.#call
    if (!this.#isHeadPassed) {
      this.#isHeadPassed = true
      call.head(this.statusCode, this.#headers, this.#statusText)
    }
    const held = this.#held
    if (held !== undefined) {
      for (let index = 0; index < held.length; index++) {
        if (call.paused || call.finished) {
          held.splice(0, index)
          return false
        }
        call.data(held[index] as Buffer)
      }
      this.#held = undefined
    }
    if (call.paused || call.finished) return false
    if (this.#isComplete) {
      call.end(this.#trailers)
      call.release()
    } else if (this.#error !== undefined) call.fail(this.#error)
    return true
  }
}

interface PromiseWithResolvers {
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

function promiseWithResolvers(): PromiseWithResolvers {
  let resolve!: () => void
  let reject!: (reason: unknown) => void
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}
