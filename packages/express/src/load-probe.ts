import type { Clock } from '@lb/core'
import { checkClock, checkKeys, RequestLoad, rejectOption, systemClock } from '@lb/core/authoring'
import type { Http2Middleware, Next } from './middleware.ts'

/** How `loadProbe()` answers. */
export interface LoadProbeOptions {
  /** The path it answers; everything else is counted and goes on to `next`. @default '/lb/load' */
  readonly path?: string | undefined
  /** Source of time. @default systemClock */
  readonly clock?: Clock | undefined
}

/** What is asked of a request of either version of HTTP. */
interface ProbedRequest {
  readonly method?: string | undefined
  readonly url?: string | undefined
  /** The path as the client sent it, where a framework keeps it. */
  readonly originalUrl?: string
}

/** What is asked of its response. */
interface ProbedResponse {
  readonly statusCode: number
  readonly writableFinished: boolean
  once(event: 'close', listener: () => void): unknown
  setHeader(name: string, value: string): unknown
  end(body: string): unknown
}

/**
 * A middleware that answers the probes of `balancer: 'probing'` with the requests in flight in this process and the latency
 * that the next request may expect, in constant time. Mount it before everything else, so that it counts all requests; in
 * Nest, `app.use(loadProbe())`. On a bare server, call it from the listener:
 *
 *     const probe = loadProbe()
 *     createServer((request, response) => probe(request, response, () => handle(request, response)))
 *
 * @throws InvalidOptionError
 */
export function loadProbe(options: LoadProbeOptions = {}): Http2Middleware {
  checkKeys('loadProbe', options, ['path', 'clock'])
  checkClock('loadProbe.clock', options.clock)
  const { path = '/lb/load', clock = systemClock } = options
  if (typeof path !== 'string' || !path.startsWith('/')) {
    rejectOption('loadProbe.path', 'a path that begins with a slash', path)
  }
  const load = new RequestLoad()
  return (request: ProbedRequest, response: ProbedResponse, next?: Next): void => {
    const { url = '', originalUrl = url } = request
    if (request.method === 'GET' && (url === path || originalUrl === path)) {
      answer(response, { inFlight: load.inFlight, latencyMs: load.latencyMs(clock.now()) })
      return
    }
    const startedAtMs = clock.now()
    const level = load.started()
    response.once('close', () => {
      const nowMs = clock.now()
      // A client that gave up, and a failure that came at once, say nothing of latencies.
      if (response.writableFinished && response.statusCode < 500) load.finished(level, nowMs - startedAtMs, nowMs)
      else load.dropped()
    })
    if (next !== undefined) next()
  }
}

function answer(response: ProbedResponse, report: object): void {
  const body = JSON.stringify(report)
  response.setHeader('Content-Type', 'application/json')
  response.setHeader('Cache-Control', 'no-store')
  response.setHeader('Content-Length', `${Buffer.byteLength(body)}`)
  response.end(body)
}
