import type { Duplex } from 'node:stream'
import { InvalidOptionError } from '@lb/core'
import * as undici from 'undici'
import { Dispatcher, errors } from 'undici'

type Handler = Dispatcher.DispatchHandler

/** Headers, or trailers, as undici parses them. */
export type ParsedHeaders = Record<string, string | string[] | undefined>

/** Headers, or trailers, as the transport has them. */
export type RawHeaders = NonNullable<Dispatcher.DispatchController['rawHeaders']> | null

/**
 * The handler of the caller, and what the caller controls its request by. What the handler throws ends the call, and the handler
 * hears of it, as undici does it: it is no instance's failure, and nothing of it reaches the transport.
 */
export abstract class CallerHandler implements Dispatcher.DispatchController {
  paused = false
  aborted = false
  reason: Error | null = null
  /** Whether the handler has heard how the call ended. */
  finished = false
  readonly #handler: Handler
  #hasHeardOfFailure = false

  constructor(handler: Handler) {
    this.#handler = handler
  }

  abstract readonly rawHeaders: RawHeaders
  abstract readonly rawTrailers: RawHeaders
  abstract pause(): void
  abstract readonly resume: () => void
  abstract abort(reason?: Error): void
  /** The handler hears the end now. */
  protected abstract finish(): void
  /** `error` with what is known of the attempts. */
  protected abstract described(error: unknown): unknown

  start(): void {
    try {
      this.#handler.onRequestStart?.(this, undefined)
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
   * Has `listener` hear how its attempt is sent, and passes it on to the handler, if that listens: few do, and the transport calls the
   * method, where there is one, for every chunk.
   */
  hearSending(listener: Handler): void {
    for (const name of ['onBodySent', 'onRequestSent'] as const) {
      const given: unknown = Reflect.get(this.#handler, name)
      if (typeof given !== 'function') continue
      const passOn = (...args: unknown[]): void => {
        if (this.finished) return
        try {
          Reflect.apply(given, this.#handler, args)
        } catch (error) {
          this.#threw(error)
        }
      }
      Object.assign(listener, { [name]: passOn })
    }
  }

  head(statusCode: number, headers: ParsedHeaders, statusText: string): void {
    try {
      this.#handler.onResponseStart?.(this, statusCode, headers, statusText)
    } catch (error) {
      this.#threw(error)
    }
  }

  /** @returns whether the handler wants more at once */
  write(chunk: Buffer): boolean {
    if (!this.finished) {
      try {
        this.#handler.onResponseData?.(this, chunk)
      } catch (error) {
        this.#threw(error)
      }
    }
    return !this.paused
  }

  end(trailers: ParsedHeaders): void {
    if (this.finished) return
    this.#finish()
    try {
      this.#handler.onResponseEnd?.(this, trailers)
    } catch (error) {
      this.#threw(error)
    }
  }

  upgrade(statusCode: number, headers: ParsedHeaders, socket: Duplex): void {
    this.#finish()
    try {
      this.#handler.onRequestUpgrade?.(this, statusCode, headers, socket)
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
    if (this.#hasHeardOfFailure) return
    this.#hasHeardOfFailure = true
    this.#finish()
    try {
      // Whatever was thrown: undici's type says an Error.
      this.#handler.onResponseError?.(this, error as Error)
    } catch {
      // It knows what went wrong, and nothing else is there to hear of it.
    }
  }
}

/** @throws InvalidOptionError when the undici that is installed cannot compose dispatchers, as the one built into Bun */
export function checkUndici(): void {
  if (typeof Dispatcher?.prototype?.compose !== 'function') throw new InvalidOptionError('undici', isOtherUndici)
}

const isOtherUndici =
  'undici must be the package undici, 7.30 or later. Here it has no Dispatcher.compose: a runtime that has an undici built in, ' +
  'such as Bun, gives that one to whoever imports the package. There, use lb.execute with the fetch of the runtime'

const olderForm =
  ': the handler has the form of undici 6 and 7, as that of the fetch built into Node has. ' +
  'Use createFetch of @lb/undici or fetch of the package undici, or give the built-in one a Dispatcher1Wrapper around the dispatcher'

/** undici 7 takes handlers in every form, and its `compose` gives all of them the form of undici 8, which takes no other. */
const isUndici8 = 'Dispatcher1Wrapper' in undici
const ofResponses = ['onResponseError', 'onResponseStart', 'onResponseData', 'onResponseEnd'] as const
const ofUpgrades = ['onResponseError', 'onRequestUpgrade'] as const

/** Throws undici's InvalidArgumentError when undici would not take `handler` either. */
export function checkHandler(handler: Handler, { upgrade, method }: Dispatcher.DispatchOptions): void {
  if (typeof handler !== 'object' || handler === null) {
    throw new errors.InvalidArgumentError('handler must be an object')
  }
  if (typeof handler.onRequestStart !== 'function') {
    const isOlder = 'onConnect' in handler && typeof handler.onConnect === 'function'
    throw new errors.InvalidArgumentError(`invalid onRequestStart method${isOlder ? olderForm : ''}`)
  }
  const isUpgrade = Boolean(upgrade) || method === 'CONNECT'
  for (const name of isUndici8 ? (isUpgrade ? ofUpgrades : ofResponses) : []) {
    if (typeof handler[name] !== 'function') throw new errors.InvalidArgumentError(`invalid ${name} method`)
  }
}

/** Lets `handler` hear what is wrong with its request, as undici does; throws when it does not listen. */
export function refuse(handler: Handler, error: unknown): false {
  const given: unknown = handler
  if (typeof given !== 'object' || given === null || !('onResponseError' in given)) throw error
  if (typeof given.onResponseError !== 'function') throw error
  Reflect.apply(given.onResponseError, given, [null, error])
  return false
}
