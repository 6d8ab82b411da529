import type { LoadBalancer } from '@lb/core'
import { isLoadBalancedError } from '@lb/core/authoring'
import { Dispatcher, errors, FormData, Request, type RequestInfo, type RequestInit, fetch as undiciFetch } from 'undici'
import { withDetails } from './errors.ts'
import { parseLbUrl, withLbOrigin } from './lb-url.ts'
import { type BodyOfFetch, interceptorOf } from './load-balance-interceptor.ts'
import { OpenCalls } from './open-calls.ts'
import { type CreateFetchOptions, checkFetchArguments } from './options.ts'
import { agentOf } from './own-agent.ts'
import { dispatcherOf } from './request-dispatcher.ts'
import { headerOf, type RequestHeaders } from './request-headers.ts'

/** `fetch` as the platform has it, for services too. */
export type LoadBalancedFetch = typeof globalThis.fetch &
  AsyncDisposable & {
    /**
     * Refuses new requests, and closes the connections once those under way have ended, those that wait for a list or a retry included.
     * With a `dispatcher` of the caller's it does nothing.
     */
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
  const { dispatcher: given, pool, ...rules } = options
  const common = given ?? agentOf(lb, pool)
  const own = given === undefined ? common : undefined
  const whole = composer(interceptorOf(lb, rules, { wholeLength: lengthOf, given: givenBody }))
  const streamed = composer(interceptorOf(lb, rules, { wholeLength: () => Number.NaN, given: givenBody }))
  const asksForBody = [rules.hashKey, rules.match, rules.criticality, rules.idempotent].some(isFunction)

  const send = (input: FetchInput, init: RequestInit = {}): Promise<unknown> => {
    const compose = isStream(init.body) ? streamed : whole
    const lbUrl = parseLbUrl(urlOf(input))
    // undici, too, takes that of the request only if `init` has none.
    const composed = compose(init.dispatcher || dispatcherOf(input) || common)
    const addressed = lbUrl === undefined ? composed : withLbOrigin(composed, lbUrl)
    const dispatcher = asksForBody && isPresent(init.body) ? withGivenBody(addressed, init.body) : addressed
    const body = isForeignFormData(init.body) ? ownFormData(init.body) : init.body
    const ours = { ...init, dispatcher, ...(body === init.body ? undefined : { body }) }
    return undiciFetch(ownInput(input, lbUrl?.url), ours)
  }
  const calls = new OpenCalls()
  const ended = (response: unknown): unknown => {
    calls.ended()
    return response
  }
  const failed = (error: unknown): Promise<never> => {
    calls.ended()
    return Promise.reject(withDetailsOfCause(error))
  }
  // Not async: that would be two more promises for each call.
  const fetch = (input: FetchInput, init?: RequestInit): Promise<unknown> => {
    if (own !== undefined && calls.closing) {
      return Promise.reject(new TypeError('fetch failed', { cause: new errors.ClientClosedError() }))
    }
    calls.began()
    try {
      return send(input, init).then(ended, failed)
    } catch (error) {
      // Wrong arguments are a rejection.
      return failed(error)
    }
  }
  let closed: Promise<void> | undefined
  const close = async (): Promise<void> => {
    // The dispatcher knows nothing of requests that wait in the load balancer.
    if (own !== undefined) closed ??= calls.close().then(() => own.close())
    await closed
  }
  return Object.assign(fetch, { close, [Symbol.asyncDispose]: close }) as never
}

/** `fetch` fails with an error of its own, whose cause is that of the request. */
function withDetailsOfCause(error: unknown): unknown {
  const { cause }: { cause?: unknown } = Object(error)
  return isLoadBalancedError(cause) && !isLoadBalancedError(error) ? withDetails(error, cause.loadBalancer) : error
}

/** What has a `dispatch` and nothing else of a dispatcher. */
class PlainDispatcher extends Dispatcher {
  readonly #plain: Pick<Dispatcher, 'dispatch'>

  constructor(plain: Pick<Dispatcher, 'dispatch'>) {
    super()
    this.#plain = plain
  }

  override dispatch(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    return this.#plain.dispatch(request, handler)
  }
}

/** Puts the interceptor on a dispatcher, once. */
function composer(interceptor: Dispatcher.DispatcherComposeInterceptor): (dispatcher: Dispatcher) => Dispatcher {
  const composed = new WeakMap<Dispatcher, Dispatcher>()
  return (dispatcher) => {
    let known = composed.get(dispatcher)
    if (known === undefined) {
      const whole = typeof dispatcher.compose === 'function' ? dispatcher : new PlainDispatcher(dispatcher)
      known = whole.compose(interceptor)
      composed.set(dispatcher, known)
    }
    return known
  }
}

/** What the callers of `fetch` gave as bodies, of which the requests have pieces that can be read once. */
const givenBodies = new WeakMap<Dispatcher.DispatchOptions, unknown>()

const givenBody: BodyOfFetch['given'] = (request) => givenBodies.get(request)

/** `dispatcher`, where the body of a request is remembered as the caller gave it. */
function withGivenBody(dispatcher: Dispatcher, body: unknown): Dispatcher {
  return Object.create(dispatcher, {
    dispatch: {
      value: (request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler) => {
        // A redirect may have taken it away.
        if (isPresent(request.body)) givenBodies.set(request, body)
        return dispatcher.dispatch(request, handler)
      },
    },
  })
}

function isFunction(rule: unknown): boolean {
  return typeof rule === 'function'
}

function isPresent(body: unknown): boolean {
  return body !== undefined && body !== null
}

/** `fetch` sends the length of everything but streams. */
function lengthOf(headers: RequestHeaders): number {
  return Number(headerOf(headers, 'content-length') ?? Number.NaN)
}

function isStream(body: unknown): boolean {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body
}

type ForeignRequest = globalThis.Request
type FetchInput = RequestInfo | ForeignRequest

/** The classes of the platform and those of the package do not know each other. */
function isForeignRequest(input: unknown): input is ForeignRequest {
  return Object.prototype.toString.call(input) === '[object Request]' && !(input instanceof Request)
}

/** @param url the URL that is to be used instead */
function ownInput(input: FetchInput, url: string | undefined): RequestInfo {
  if (isForeignRequest(input)) return ownRequest(input, url ?? input.url)
  if (url === undefined) return input
  return input instanceof Request ? new Request(url, input) : url
}

function urlOf(input: unknown): string {
  return isForeignRequest(input) || input instanceof Request ? input.url : String(input)
}

function ownRequest(request: ForeignRequest, url: string): Request {
  const { method, headers, signal, redirect, body } = request
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
