import type { Duplex } from 'node:stream'
import { Dispatcher } from 'undici'
import type { ServiceCall } from './service-call.ts'

type Handler = Dispatcher.DispatchHandler

/** How a handler of the caller's is told what happens. Header fields pass through in the form they came in. */
export interface HandlerForm {
  /** Whether the transport hands out header fields as the parser finds them. */
  readonly isRaw: boolean
  begin(handler: Handler, call: ServiceCall): void
  firstByte(handler: Handler): void
  head(handler: Handler, call: ServiceCall, statusCode: number, headers: unknown, statusText: string): void
  data(handler: Handler, call: ServiceCall, chunk: Buffer): void
  end(handler: Handler, call: ServiceCall, trailers: unknown): void
  upgrade(handler: Handler, call: ServiceCall, statusCode: number, headers: unknown, socket: Duplex): void
  fail(handler: Handler, call: ServiceCall, error: Error): void
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

/** Tells the form of a handler. */
export function handlerForms(): (handler: Handler) => HandlerForm {
  const wrapper = wrapperOfUndici()
  return (handler) => (wrapper !== undefined && handler.constructor === wrapper ? rawForm : controllerForm)
}

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
