import type { ServerResponse } from 'node:http'
import { checkFunction, checkKeys, rejectOption } from '@lb/core/authoring'
import { endConnectionAfter } from './last-response.ts'
import type { Http2Middleware, MaybeExpressRequest, Next } from './middleware.ts'

/** What the health of this process is taken from. */
export interface HealthEndpointOptions {
  /** The path it answers; everything else goes on to `next`. Default `/health`. */
  readonly path?: string | undefined
  /** Asked before it says 200: false, or a failure, says 503. Default: always healthy. */
  readonly check?: (() => boolean | Promise<boolean>) | undefined
}

/** A middleware of Express and a handler of a bare server; and what the shutdown of the process says to it. */
export interface HealthEndpoint extends Http2Middleware {
  /**
   * From now on it responds with 503, so that load balancers stop sending requests, and every response that passes through this middleware
   * says `Connection: close`, so that clients open no more of them here.
   */
  readonly drain: () => void
  /** Whether `drain()` was called. */
  readonly draining: boolean
}

/**
 * `/health` for load balancers: 200, and 503 from `drain()` on. While draining, its header makes the active checks of lb and
 * Envoy believe it at once instead of after several failures. `gracefulShutdown` calls `drain()`.
 *
 *     const health = healthEndpoint()
 *     app.use(health)
 *     gracefulShutdown(server, { health })
 *
 * @throws InvalidOptionError
 */
export function healthEndpoint(options: HealthEndpointOptions = {}): HealthEndpoint {
  checkKeys('healthEndpoint', options, ['path', 'check'])
  checkFunction('healthEndpoint.check', options.check)
  const { path = '/health', check } = options
  if (typeof path !== 'string' || !path.startsWith('/')) {
    rejectOption('healthEndpoint.path', 'a path that begins with a slash', path)
  }
  let draining = false
  const endpoint = (request: MaybeExpressRequest, response: ServerResponse, next?: Next): void => {
    if (draining) endConnectionAfter(request, response)
    if (!isAt(path, request)) {
      if (next !== undefined) next()
      else answer(response, 404, 'not found')
    } else if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD')
      answer(response, 405, 'method not allowed')
    } else if (draining) {
      response.setHeader('X-Immediate-Health-Check-Fail', 'true')
      answer(response, 503, 'draining')
    } else {
      void isHealthy(check).then((healthy) => answer(response, healthy ? 200 : 503, healthy ? 'ok' : 'unhealthy'))
    }
  }
  const drain = (): void => {
    draining = true
  }
  return Object.defineProperty(Object.assign(endpoint, { drain }), 'draining', {
    get: () => draining,
  }) as unknown as HealthEndpoint
}

/** The whole path, or what is left of it where it is mounted. */
function isAt(path: string, { url = '', originalUrl = url }: MaybeExpressRequest): boolean {
  return [url, originalUrl].some((each) => each.split('?', 1)[0] === path)
}

async function isHealthy(check: HealthEndpointOptions['check']): Promise<boolean> {
  try {
    return check === undefined || (await check()) === true
  } catch {
    return false
  }
}

function answer(response: ServerResponse, statusCode: number, status: string): void {
  if (response.headersSent || response.destroyed) return
  response.statusCode = statusCode
  response.setHeader('Content-Type', 'application/json')
  response.setHeader('Cache-Control', 'no-store')
  response.end(`${JSON.stringify({ status })}\n`)
}
