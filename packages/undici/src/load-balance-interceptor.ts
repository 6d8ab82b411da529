import { isIdempotentMethod, type LoadBalancer } from '@lb/core'
import type { Dispatcher } from 'undici'
import { handlerForms, refuse } from './handler-form.ts'
import { checkInterceptorArguments, type LoadBalanceOptions } from './options.ts'
import { requestBody } from './request-body.ts'
import { headerOf, type RequestHeaders, repeatableHeaders, withHost } from './request-headers.ts'
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
  return interceptorOf(lb, options, () => Number.NaN)
}

/** @param wholeLength tells the length of a body that comes in pieces but is no stream of the caller's; else NaN */
export function interceptorOf(
  lb: LoadBalancer,
  options: LoadBalanceOptions,
  wholeLength: (headers: RequestHeaders) => number,
): Dispatcher.DispatcherComposeInterceptor {
  const { serviceOf, hostHeader, hashKey, idempotent } = options
  const origins = new ServiceOrigins({ configuredServices: lb.configuredServices, serviceOf })
  const formOf = handlerForms()

  function serviceRequest(request: Dispatcher.DispatchOptions, origin: ServiceOrigin): ServiceRequest {
    const given = repeatableHeaders(request.headers)
    const headers = hostHeader === 'service' ? withHost(given, origin.service) : given
    const body = request.body ? requestBody(request.body, wholeLength(headers)) : undefined
    const isRepeatable =
      request.upgrade || request.method === 'CONNECT'
        ? false
        : (idempotent?.(request) ?? request.idempotent ?? isIdempotent(request.method, headers))
    return {
      origin,
      options: request,
      headers,
      body,
      // A stream can be sent again as long as nobody read it, but not to two instances at a time.
      isIdempotent: isRepeatable && (body === undefined || body.isWhole),
      hashKey: hashKey?.(request),
    }
  }

  return (dispatch) => (request, handler) => {
    const origin = origins.find(request?.origin)
    if (origin === undefined) return dispatch(request, handler)
    let call: ServiceCall
    try {
      call = new ServiceCall(serviceRequest(request, origin), dispatch, handler, formOf(handler, request))
    } catch (error) {
      return refuse(handler, error as Error)
    }
    call.run(lb)
    return true
  }
}

/** What undici says of a method that is none comes with the first attempt. */
function isIdempotent(method: unknown, headers: RequestHeaders): boolean {
  return (
    (typeof method === 'string' && isIdempotentMethod(method)) || headerOf(headers, 'idempotency-key') !== undefined
  )
}
