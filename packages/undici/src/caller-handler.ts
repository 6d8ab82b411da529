import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { HandlerForm } from './handler-form.ts'

/** Header fields as the transport has them. */
export type RawFields = NonNullable<Dispatcher.DispatchController['rawHeaders']> | null

/**
 * The handler of the caller, and what the caller controls its request by. What the handler throws ends the call, and the
 * handler is told so, as undici does it: it is no instance's failure, and nothing of it reaches the transport.
 */
export abstract class CallerHandler implements Dispatcher.DispatchController {
  /** Whether the handler takes header fields as the parser finds them. */
  readonly isRaw: boolean
  paused = false
  aborted = false
  reason: Error | null = null
  /** Whether the handler has heard how the call ended. */
  finished = false
  readonly #handler: Dispatcher.DispatchHandler
  readonly #form: HandlerForm
  #isFailureTold = false

  constructor(handler: Dispatcher.DispatchHandler, form: HandlerForm) {
    this.#handler = handler
    this.#form = form
    this.isRaw = form.isRaw
  }

  abstract readonly rawHeaders: RawFields
  abstract readonly rawTrailers: RawFields
  abstract pause(): void
  abstract readonly resume: () => void
  abstract abort(reason?: Error): void
  /** The handler hears the end now. */
  protected abstract finish(): void
  /** `error` with what is known of the attempts. */
  protected abstract described(error: unknown): unknown

  start(): void {
    try {
      this.#form.begin(this.#handler, this)
    } catch (error) {
      this.#threw(error)
    }
  }

  firstByte(): void {
    try {
      this.#form.firstByte(this.#handler)
    } catch (error) {
      this.#threw(error)
    }
  }

  /**
   * Has `listener` hear how its attempt is sent, and tell it to the handler, if that listens: few do, and the transport tells it of every
   * chunk to whoever has the method.
   */
  hearSending(listener: Dispatcher.DispatchHandler): void {
    for (const name of ['onBodySent', 'onRequestSent'] as const) {
      const given = (this.#handler as Partial<Record<typeof name, (...args: unknown[]) => unknown>>)[name]
      if (typeof given !== 'function') continue
      const tell = (...args: unknown[]): void => {
        if (this.finished) return
        try {
          given.apply(this.#handler, args)
        } catch (error) {
          this.#threw(error)
        }
      }
      Object.assign(listener, { [name]: tell })
    }
  }

  head(statusCode: number, headers: unknown, statusText: string): void {
    try {
      this.#form.head(this.#handler, this, statusCode, headers, statusText)
    } catch (error) {
      this.#threw(error)
    }
  }

  data(chunk: Buffer): void {
    try {
      this.#form.data(this.#handler, this, chunk)
    } catch (error) {
      this.#threw(error)
    }
  }

  end(trailers: unknown): void {
    this.#finish()
    try {
      this.#form.end(this.#handler, this, trailers)
    } catch (error) {
      this.#threw(error)
    }
  }

  upgrade(statusCode: number, headers: unknown, socket: Duplex): void {
    this.#finish()
    try {
      this.#form.upgrade(this.#handler, this, statusCode, headers, socket)
    } catch (error) {
      socket.destroy()
      this.#threw(error)
    }
  }

  /** Does nothing when the handler has heard the end. */
  fail(error: unknown): void {
    // The reason of an abort is the caller's own.
    if (!this.finished) this.#fail(this.aborted ? error : this.described(error))
  }

  #finish(): void {
    this.finished = true
    this.finish()
  }

  #threw(error: unknown): void {
    const reason = this.aborted ? this.reason : error
    this.abort(error as Error)
    this.#fail(reason)
  }

  #fail(error: unknown): void {
    if (this.#isFailureTold) return
    this.#isFailureTold = true
    this.#finish()
    try {
      this.#form.fail(this.#handler, this, error as Error)
    } catch {
      // It knows what went wrong, and there is nobody else to hear of it.
    }
  }
}
