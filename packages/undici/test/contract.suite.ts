import type { Criticality } from '@lb/core'
import { describeHttpClient } from '@lb/testing/suites'
import { Agent, type Dispatcher } from 'undici'
import { afterAll } from 'vitest'
import { createFetch, type LoadBalanceOptions, loadBalanceInterceptor } from '../src/index.ts'

const agent = new Agent()
afterAll(() => agent.destroy())

/** Headers are an object with the interceptor, and an array of names and values with fetch. */
function headerIn({ headers }: Dispatcher.DispatchOptions, name: string): string | undefined {
  return Array.isArray(headers) ? headers[headers.indexOf(name) + 1 || headers.length] : Object(headers)[name]
}

const match: LoadBalanceOptions['match'] = (request) => ({ version: headerIn(request, 'x-version') })
const criticality: LoadBalanceOptions['criticality'] = (request) => headerIn(request, 'x-class') as Criticality

/** undici's own time limits do not cover a whole request: a signal does. */
function limited(signal: AbortSignal | undefined, timeoutMs: number | undefined): { signal?: AbortSignal } {
  const signals = [signal, timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs)]
  const given = signals.filter((each) => each !== undefined)
  return given.length === 0 ? {} : { signal: AbortSignal.any(given) }
}

describeHttpClient(
  'undici with the interceptor',
  {
    create: (lb, { criticalityHeader } = {}) => {
      const dispatcher = agent.compose(loadBalanceInterceptor(lb, { match, criticality, criticalityHeader }))
      return async ({ url, method = 'GET', headers, body, signal, timeoutMs }) => {
        const [, origin = '', path] = /^(\w+:\/*[^/]*)(.*)$/.exec(url) ?? []
        const response = await dispatcher.request({
          origin,
          path: path || '/',
          method: method as Dispatcher.HttpMethod,
          ...(headers === undefined ? undefined : { headers }),
          ...(body === undefined ? undefined : { body }),
          ...limited(signal, timeoutMs),
        })
        return { status: response.statusCode, body: await response.body.text() }
      }
    },
  },
  { match: true, criticality: true },
)

describeHttpClient(
  'fetch',
  {
    create: (lb, { criticalityHeader } = {}) => {
      const fetch = createFetch(lb, { dispatcher: agent, match, criticality, criticalityHeader })
      return async ({ url, body, signal, timeoutMs, ...init }) => {
        const sent = {
          ...init,
          ...(body === undefined ? undefined : { body: body as string, duplex: 'half' }),
          ...limited(signal, timeoutMs),
        }
        // As the platform's does, it fails with a TypeError that says "fetch failed" and has the reason as its cause.
        const response = await fetch(url, sent as RequestInit).catch((error) => Promise.reject(error.cause ?? error))
        return { status: response.status, body: await response.text() }
      }
    },
  },
  { match: true, criticality: true, redirects: true },
)
