import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'
import { CallController, type ControlledCall, type ParsedHeaders, type RawHeaders } from './call-controller.ts'
import { asError } from './errors.ts'

type Handler = Dispatcher.DispatchHandler

const sendingMethods = ['onBodySent', 'onRequestSent'] as const

/**
 * The handler of the caller. What it throws ends the call, and `onResponseError` gets it, as with undici: it is no failure of an
 * instance, and does not reach the transport.
 */
export abstract class CallerHandler implements ControlledCall {
  readonly controller: CallController = new CallController(this)
  finished = false
  readonly #handler: Handler
  #hasFailed = false

  constructor(handler: Handler) {
    this.#handler = handler
  }

  abstract readonly rawHeaders: RawHeaders
  abstract readonly rawTrailers: RawHeaders
  abstract pause(): void
  abstract resume(): void
  abstract abort(reason: Error): void
  /** The end is emitted next. */
  protected abstract finish(): void
  /** `error` with what is known of the attempts. */
  protected abstract described(error: unknown): unknown

  start(): void {
    try {
      this.#handler.onRequestStart?.(this.controller, undefined)
    } catch (error) {
      this.#threw(error)
    }
  }

  firstByte(): void {
    try {
      this.#handler.onResponseStarted?.()
    } catch (error) {
      this.#threw(error)
    }
  }

  /**
   * Lets `attempt` emit to the handler how it is sent. Only if the handler listens: few do, and the transport calls the method, where there
   * is one, for every chunk.
   */
  forwardSending(attempt: Handler): void {
    const handler = this.#handler
    if (!('onBodySent' in handler || 'onRequestSent' in handler)) return
    for (const name of sendingMethods) {
      const given: unknown = Reflect.get(handler, name)
      if (typeof given !== 'function') continue
      const passOn = (...args: unknown[]): void => {
        if (this.finished) return
        try {
          Reflect.apply(given, handler, args)
        } catch (error) {
          this.#threw(error)
        }
      }
      Object.assign(attempt, { [name]: passOn })
    }
  }

  head(statusCode: number, headers: ParsedHeaders, statusText: string): void {
    try {
      this.#handler.onResponseStart?.(this.controller, statusCode, headers, statusText)
    } catch (error) {
      this.#threw(error)
    }
  }

  /** @returns whether the handler wants more at once */
  write(chunk: Buffer): boolean {
    if (!this.finished) {
      try {
        this.#handler.onResponseData?.(this.controller, chunk)
      } catch (error) {
        this.#threw(error)
      }
    }
    return !this.controller.paused
  }

  end(trailers: ParsedHeaders): void {
    if (this.finished) return
    this.#finish()
    try {
      this.#handler.onResponseEnd?.(this.controller, trailers)
    } catch (error) {
      this.#threw(error)
    }
    this.controller.release()
  }

  upgrade(statusCode: number, headers: ParsedHeaders, socket: Duplex): void {
    this.#finish()
    try {
      this.#handler.onRequestUpgrade?.(this.controller, statusCode, headers, socket)
    } catch (error) {
      socket.destroy()
      this.#threw(error)
    }
  }

  /** Does nothing after the end. */
  fail(error: unknown): void {
    // The reason of an abort is the caller's own.
    if (!this.finished) this.#fail(this.controller.aborted ? error : this.described(error))
  }

  #finish(): void {
    this.finished = true
    this.finish()
  }

  #threw(error: unknown): void {
    const { aborted, reason } = this.controller
    const cause = aborted ? reason : error
    this.controller.abort(asError(error))
    this.#fail(cause)
  }

  #fail(error: unknown): void {
    if (this.#hasFailed) return
    this.#hasFailed = true
    this.#finish()
    try {
      this.#handler.onResponseError?.(this.controller, asError(error))
    } catch {
      // The handler knows what went wrong, and nothing else listens.
    }
    this.controller.release()
  }
}
