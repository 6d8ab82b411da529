// #region recipe
import got, { type HandlerFunction, Options } from 'got'
import { lb, twelveCalls } from './service.ts'

const safe = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'])

/** Sends requests to `http://user-service` to an instance of it, and to another one if that fails. */
const loadBalanced: HandlerFunction = (options, next) => {
  const url = new URL(options.url ?? '')
  if (url.hostname !== 'user-service') return next(options)
  if (options.isStream) throw new TypeError('got.stream cannot change the instance: use lb.acquire')
  const { method, signal } = options
  const response = lb.execute(
    url.hostname,
    ({ host, port }, attempt) => {
      // Not `next`: that gives the same response, or the same error, each time.
      const address = Object.assign(new URL(url), { host: `${host}:${port}` })
      return got(undefined, undefined, new Options(address, { retry: { limit: 0 }, signal: attempt.signal }, options))
    },
    { httpMethod: method, idempotent: safe.has(method), signal },
  )
  return response as Promise<never> // got adds .json(), .text() and .buffer()
}

const users = got.extend({ handlers: [loadBalanced], retry: { limit: 0 } })

const profile = () => users.get('http://user-service/v1/profile').json<{ name: string }>()
// #endregion recipe
await twelveCalls(profile)
