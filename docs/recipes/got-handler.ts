// #region recipe
import type { LoadBalancer } from '@lb/core'
import { authorityOf, classifyStatus, isIdempotentMethod, parseServiceUrl } from '@lb/core/authoring'
import got, { type HandlerFunction, Options, ReadError } from 'got'

/** A handler that sends requests whose host names a service to an instance of it, and to another one if that fails. */
export function loadBalanced(lb: LoadBalancer): HandlerFunction {
  return (options, next) => {
    const named = parseServiceUrl(String(options.url), { lb })
    if (named === undefined) return next(options)
    if (options.isStream) throw new TypeError('got.stream cannot change the instance: use lb.acquire')
    const { service, scheme, userInfo, rest } = named
    const { headers, method, signal } = options
    const response = lb.execute(
      service,
      (instance, attempt) => {
        const origin = `${instance.secure ? 'https' : scheme}://${userInfo}${authorityOf(instance.host, instance.port)}`
        const own = { retry: { limit: 0 }, signal: attempt.signal }
        // Not `next`: that gives the same response, or the same error, each time.
        return got(undefined, undefined, new Options(origin + rest, own, options))
      },
      {
        httpMethod: method,
        idempotent: isIdempotentMethod(method) || headers['idempotency-key'] !== undefined,
        signal,
        classify: (result) => {
          if (!result.ok) return result.error instanceof ReadError ? { ok: false, retry: 'idempotent' } : undefined
          const { statusCode } = Object(result.value) as { statusCode?: number }
          return statusCode === undefined ? undefined : classifyStatus(statusCode)
        },
      },
    )
    return response as Promise<never> // got adds .json(), .text() and .buffer()
  }
}
// #endregion recipe

// For the tests of this handler, which have no got of their own.
export { got }
