import { type Dispatcher, errors } from 'undici'

/** Headers, or trailers, as undici parses them. */
export type ParsedHeaders = Record<string, string | string[] | undefined>

/** Headers, or trailers, as the transport has them. */
export type RawHeaders = NonNullable<Dispatcher.DispatchController['rawHeaders']> | null

/** What a controller asks of its call. */
export interface ControlledCall {
  /** Whether the end was emitted to the handler. */
  readonly finished: boolean
  readonly rawHeaders: RawHeaders
  readonly rawTrailers: RawHeaders
  /** Stops the body. */
  pause(): void
  /** Lets the body come again. */
  resume(): void
  /** Ends all attempts. */
  abort(reason: Error): void
}

/**
 * What the caller controls its request by. The handlers of undici keep their controller in the old generation of the heap, where all that
 * it leads to lives until the next major garbage collection. So it is an object of its own, and lets go of its call at the end.
 */
export class CallController implements Dispatcher.DispatchController {
  paused = false
  aborted = false
  reason: Error | null = null
  #call: ControlledCall | undefined

  constructor(call: ControlledCall) {
    this.#call = call
  }

  /** The headers of the response as they came, until its end. */
  get rawHeaders(): RawHeaders {
    return this.#call?.rawHeaders ?? null
  }

  /** The trailers as they came, until the end was emitted. */
  get rawTrailers(): RawHeaders {
    return this.#call?.rawTrailers ?? null
  }

  pause(): void {
    if (this.paused) return
    this.paused = true
    this.#call?.pause()
  }

  resume(): void {
    if (!this.paused) return
    this.paused = false
    this.#call?.resume()
  }

  /** Does nothing after the end. */
  abort(reason?: Error): void {
    const call = this.#call
    if (this.aborted || call === undefined || call.finished) return
    this.aborted = true
    this.reason = reason ?? new errors.RequestAbortedError()
    call.abort(this.reason)
  }

  /** Lets go of the call, whose end was emitted. */
  release(): void {
    this.#call = undefined
  }
}
