import type { Duplex } from 'node:stream'
import { InvalidOptionError } from '@lb/core'
import { Dispatcher, errors } from 'undici'
import type { CallerHandler } from './caller-handler.ts'

type Handler = Dispatcher.DispatchHandler

/** How a handler of the caller's is told what happens. Header fields pass through in the form they came in. */
export interface HandlerForm {
  /** Whether the transport hands out header fields as the parser finds them. */
  readonly isRaw: boolean
  begin(handler: Handler, call: CallerHandler): void
  firstByte(handler: Handler): void
  head(handler: Handler, call: CallerHandler, statusCode: number, headers: unknown, statusText: string): void
  data(handler: Handler, call: CallerHandler, chunk: Buffer): void
  end(handler: Handler, call: CallerHandler, trailers: unknown): void
  upgrade(handler: Handler, call: CallerHandler, statusCode: number, headers: unknown, socket: Duplex): void
  fail(handler: Handler, call: CallerHandler, error: Error): void
}

/** The handlers of undici 7 and 8: with a controller, and parsed header fields. */
const controllerForm: HandlerForm = {
  isRaw: false,
  begin: (handler, call) => handler.onRequestStart?.(call, undefined),
  firstByte: (handler) => handler.onResponseStarted?.(),
  head: (handler, call, statusCode, headers, statusText) =>
    handler.onResponseStart?.(call, statusCode, headers as never, statusText),
  data: (handler, call, chunk) => handler.onResponseData?.(call, chunk),
  end: (handler, call, trailers) => handler.onResponseEnd?.(call, trailers as never),
  upgrade: (handler, call, statusCode, headers, socket) =>
    handler.onRequestUpgrade?.(call, statusCode, headers as never, socket),
  fail: (handler, call, error) => handler.onResponseError?.(call, error),
}

/** Those of undici 6, which undici 7 wraps: parsing fields only for them to be put together again costs more than lb does. */
const rawForm: HandlerForm = {
  isRaw: true,
  begin: (handler, call) => handler.onConnect?.((reason) => call.abort(reason)),
  firstByte: (handler) => handler.onResponseStarted?.(),
  head: (handler, call, statusCode, headers, statusText) => {
    if (handler.onHeaders?.(statusCode, headers as Buffer[], call.resume, statusText) === false) call.pause()
  },
  data: (handler, call, chunk) => {
    if (handler.onData?.(chunk) === false) call.pause()
  },
  end: (handler, _call, trailers) => handler.onComplete?.(trailers as string[] | null),
  upgrade: (handler, _call, statusCode, headers, socket) =>
    handler.onUpgrade?.(statusCode, headers as Buffer[], socket),
  fail: (handler, _call, error) => handler.onError?.(error),
}

/** Tells the form of the handler of a request. Throws undici's InvalidArgumentError when undici would not take it either. */
export type FormOf = (handler: Handler, request: Dispatcher.DispatchOptions) => HandlerForm

/**
 * The forms of the undici that is installed.
 *
 * @throws InvalidOptionError when it is one that cannot compose dispatchers, as the one built into Bun
 */
export function handlerForms(): FormOf {
  if (typeof Dispatcher?.prototype?.compose !== 'function') throw new InvalidOptionError('undici', isOtherUndici)
  const wrapper = wrapperOfUndici()
  return wrapper === undefined ? formInUndici8 : (handler) => formInUndici7(handler, wrapper)
}

function formInUndici7(handler: Handler, wrapper: unknown): HandlerForm {
  if (handler?.constructor === wrapper) return rawForm
  if (typeof handler?.onRequestStart === 'function') return controllerForm
  if (typeof handler?.onConnect !== 'function') throw new errors.InvalidArgumentError('invalid onConnect method')
  if (typeof handler.onError !== 'function') throw new errors.InvalidArgumentError('invalid onError method')
  return rawForm
}

type Method = keyof Handler

const ofAnswers: readonly Method[] = ['onResponseError', 'onResponseStart', 'onResponseData', 'onResponseEnd']
const ofUpgrades: readonly Method[] = ['onResponseError', 'onRequestUpgrade']

function formInUndici8(handler: Handler, { upgrade, method }: Dispatcher.DispatchOptions): HandlerForm {
  if (typeof handler !== 'object' || handler === null) {
    throw new errors.InvalidArgumentError('handler must be an object')
  }
  if (typeof handler.onRequestStart !== 'function') {
    const isOlder = typeof (handler as { onConnect?: unknown }).onConnect === 'function'
    throw new errors.InvalidArgumentError(`invalid onRequestStart method${isOlder ? olderForm : ''}`)
  }
  for (const name of upgrade || method === 'CONNECT' ? ofUpgrades : ofAnswers) {
    if (typeof handler[name] !== 'function') throw new errors.InvalidArgumentError(`invalid ${name} method`)
  }
  return controllerForm
}

const isOtherUndici =
  'undici must be the package undici, 7.30 or later. Here it has no Dispatcher.compose: a runtime that has an undici built in, ' +
  'such as Bun, gives that one to whoever imports the package. There, use lb.execute with the fetch of the runtime'

const olderForm =
  ': the handler has the form of undici 6 and 7, as that of the fetch built into Node has. ' +
  'Use createFetch of @lb/undici or fetch of the package undici, or give the built-in one a Dispatcher1Wrapper around the dispatcher'

/** The class with which `compose` of undici 7 wraps handlers in the form of undici 6; undici 8 has none. */
function wrapperOfUndici(): unknown {
  const given: Handler = { onConnect: () => {} }
  const probe = new ProbeDispatcher()
  probe.compose((dispatch) => (request, handler) => dispatch(request, handler)).dispatch(anyRequest, given)
  const { received } = probe
  return received === given || typeof received?.onHeaders !== 'function' ? undefined : received.constructor
}

const anyRequest: Dispatcher.DispatchOptions = { origin: 'http://localhost', path: '/', method: 'GET' }

/** Sends nothing: it only shows which handler it was given. */
class ProbeDispatcher extends Dispatcher {
  received: Handler | undefined

  override dispatch(_request: Dispatcher.DispatchOptions, handler: Handler): boolean {
    this.received = handler
    return true
  }
}

/** Tells `handler` what is wrong with its request, in whatever form it has, as undici does; throws when it has none. */
export function refuse(handler: Handler, error: Error): false {
  if (typeof handler?.onResponseError === 'function') handler.onResponseError(null as never, error)
  else if (typeof handler?.onError === 'function') handler.onError(error)
  else throw error
  return false
}
