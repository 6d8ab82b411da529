import type { LoadBalancer } from '@lb/core'
import { checkBoolean, criticalityHeaderName, criticalityOf, isIdempotentMethod } from '@lb/core/authoring'
import type { Dispatcher } from 'undici'
import { checkHandler, checkUndici, refuse } from './handler-check.ts'
import { checkInterceptorArguments, type LoadBalanceOptions } from './options.ts'
import { requestBody } from './request-body.ts'
import { headerOf, type RequestHeaders, repeatableHeaders, withField, withHost } from './request-headers.ts'
import { ServiceCall, type ServiceRequest } from './service-call.ts'
import { type ServiceOrigin, ServiceOrigins } from './service-origin.ts'

/**
 * An interceptor for `dispatcher.compose` that sends a request whose origin is the name of a service to one of its
 * instances, and on to another when that fails and repeating is safe. Every other request passes through untouched.
 *
 *     const dispatcher = new Agent().compose(loadBalanceInterceptor(lb))
 *     await dispatcher.request({ origin: 'http://user-service', path: '/v1/profile', method: 'GET' })
 *
 * @throws InvalidOptionError
 */
export function loadBalanceInterceptor(
  lb: LoadBalancer,
  options: LoadBalanceOptions = {},
): Dispatcher.DispatcherComposeInterceptor {
  checkInterceptorArguments(lb, options)
  return interceptorOf(lb, options)
}

/** What `fetch` knows of the body of a request, which it hands down in pieces. */
export interface BodyOfFetch {
  /** The length of one that is no stream of the caller's; else NaN. */
  readonly wholeLength: (headers: RequestHeaders) => number
  /** What the caller gave; `undefined` when that is not known. */
  readonly given: (request: Dispatcher.DispatchOptions) => unknown
}

/** @throws InvalidOptionError */
export function interceptorOf(
  lb: LoadBalancer,
  options: LoadBalanceOptions,
  bodyOfFetch?: BodyOfFetch,
): Dispatcher.DispatcherComposeInterceptor {
  checkUndici()
  const { serviceOf, hostHeader, hashKey, match, criticality, idempotent } = options
  const criticalityHeader = criticalityHeaderName(options.criticalityHeader)
  const origins = new ServiceOrigins({ lb, serviceOf })

  function serviceRequest(request: Dispatcher.DispatchOptions, origin: ServiceOrigin): ServiceRequest {
    const given = repeatableHeaders(request.headers)
    const headers = hostHeader === 'service' ? withHost(given, origin.service) : given
    const body = request.body ? requestBody(request.body, bodyOfFetch?.wholeLength(headers) ?? Number.NaN) : undefined
    const givenBody = bodyOfFetch?.given(request)
    const asGiven = givenBody === undefined ? request : Object.assign({}, request, { body: givenBody })
    const isRepeatable =
      request.upgrade || request.method === 'CONNECT'
        ? false
        : (declared(idempotent?.(asGiven)) ?? request.idempotent ?? isIdempotent(request.method, headers))
    const worth = criticality && criticalityOf(criticality, asGiven)
    const sent = criticalityHeader === undefined ? headers : withField(headers, criticalityHeader, worth ?? 'default')
    return {
      origin,
      // The caller may change its own for the next request.
      options: { ...request, headers: sent },
      body,
      // A stream can be sent again as long as it was not read, but not to two instances at a time.
      isIdempotent: isRepeatable && (body === undefined || body.isWhole),
      hashKey: hashKey?.(asGiven),
      match: match?.(asGiven),
      criticality: worth,
    }
  }

  return (dispatch) => (request, handler) => {
    const origin = origins.find(request?.origin)
    if (origin === undefined) return dispatch(request, handler)
    let call: ServiceCall
    try {
      checkHandler(handler, request)
      call = new ServiceCall(serviceRequest(request, origin), dispatch, handler)
    } catch (error) {
      return refuse(handler, error)
    }
    call.run(lb)
    return true
  }
}

/** What `idempotent` says of a request. @throws InvalidOptionError for a promise above all, which would count as true */
function declared(isIdempotent: boolean | undefined): boolean | undefined {
  if (isIdempotent !== null) checkBoolean('idempotent', isIdempotent)
  return isIdempotent
}

/** undici refuses a method that is none at the first attempt. */
function isIdempotent(method: unknown, headers: RequestHeaders): boolean {
  return (
    (typeof method === 'string' && isIdempotentMethod(method)) || headerOf(headers, 'idempotency-key') !== undefined
  )
}
