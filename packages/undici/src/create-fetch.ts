import type { LoadBalancer } from '@lb/core'
import {
  Agent,
  type Dispatcher,
  FormData,
  Request,
  type RequestInfo,
  type RequestInit,
  fetch as undiciFetch,
} from 'undici'
import { interceptorOf } from './load-balance-interceptor.ts'
import { type CreateFetchOptions, checkFetchArguments } from './options.ts'
import { headerOf, type RequestHeaders } from './request-headers.ts'

/** `fetch` as the platform has it, for services too. */
export type LoadBalancedFetch = typeof globalThis.fetch &
  AsyncDisposable & {
    /** Closes the connections, once the requests in flight have ended. A `dispatcher` of the caller's stays open. */
    close(): Promise<void>
  }

/**
 * A `fetch` that sends a request whose host is the name of a service to one of its instances, and on to another when
 * that fails and repeating is safe. Every other request passes through untouched.
 *
 *     const fetch = createFetch(lb)
 *     const response = await fetch('http://user-service/v1/profile')
 *
 * @throws InvalidOptionError
 */
export function createFetch(lb: LoadBalancer, options: CreateFetchOptions = {}): LoadBalancedFetch {
  checkFetchArguments(lb, options)
  const { dispatcher: given, ...rules } = options
  const own = given === undefined ? new Agent() : undefined
  const common = (given ?? own) as Dispatcher
  const whole = composer(interceptorOf(lb, rules, lengthOf))
  const streamed = composer(interceptorOf(lb, rules, () => Number.NaN))

  const send = (input: unknown, init: RequestInit = {}): Promise<unknown> => {
    const compose = isStream(init.body) ? streamed : whole
    const dispatcher = compose(init.dispatcher ?? common)
    const body = isForeignFormData(init.body) ? ownFormData(init.body) : init.body
    const ours = { ...init, dispatcher, ...(body === init.body ? undefined : { body }) }
    return undiciFetch(isForeignRequest(input) ? ownRequest(input) : (input as RequestInfo), ours)
  }
  // Async, as what is wrong with the arguments is told by a rejection.
  const fetch = async (input: unknown, init?: RequestInit): Promise<unknown> => send(input, init)
  const close = async (): Promise<void> => own?.close()
  return Object.assign(fetch, { close, [Symbol.asyncDispose]: close }) as unknown as LoadBalancedFetch
}

/** Puts the interceptor on a dispatcher, once. */
function composer(interceptor: Dispatcher.DispatcherComposeInterceptor): (dispatcher: Dispatcher) => Dispatcher {
  const composed = new WeakMap<Dispatcher, Dispatcher>()
  return (dispatcher) => {
    let known = composed.get(dispatcher)
    if (known === undefined) {
      known = dispatcher.compose(interceptor)
      composed.set(dispatcher, known)
    }
    return known
  }
}

/** `fetch` tells the length of everything but streams. */
function lengthOf(headers: RequestHeaders): number {
  return Number(headerOf(headers, 'content-length') ?? Number.NaN)
}

function isStream(body: unknown): boolean {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body
}

type ForeignRequest = globalThis.Request

/** The classes of the platform and those of the package do not know each other. */
function isForeignRequest(input: unknown): input is ForeignRequest {
  return Object.prototype.toString.call(input) === '[object Request]' && !(input instanceof Request)
}

function ownRequest(request: ForeignRequest): Request {
  const { url, method, headers, signal, redirect, body } = request
  const { credentials, cache, integrity, keepalive, mode, referrer, referrerPolicy } = request
  const other = { credentials, cache, integrity, keepalive, mode, referrer, referrerPolicy }
  const init = { ...other, method, headers: [...headers], signal, redirect, body, duplex: 'half' }
  return new Request(url, init as RequestInit)
}

function isForeignFormData(body: unknown): body is globalThis.FormData {
  return Object.prototype.toString.call(body) === '[object FormData]' && !(body instanceof FormData)
}

function ownFormData(form: globalThis.FormData): FormData {
  const own = new FormData()
  for (const [name, value] of form) own.append(name, value as never)
  return own
}
