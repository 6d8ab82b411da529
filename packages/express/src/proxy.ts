import type { ServerResponse } from 'node:http'
import { InvalidOptionError, type LoadBalancer } from '@lb/core'
import { checkLoadBalancer, rejectOption } from '@lb/core/authoring'
import { ProxyError, sendProblem } from './errors.ts'
import type { Http2Middleware, MaybeExpressRequest, Next } from './middleware.ts'
import { type ProxyOptions, proxySettings } from './options.ts'
import { timeout, upstreamPools } from './pools.ts'
import { ProxyCall, type ProxyContext } from './proxy-call.ts'
import { isConnectionRefused } from './request.ts'
import { requestTarget } from './request-target.ts'
import { upgradeRoute } from './upgrade.ts'
import { type UpgradeListener, upgradeListener } from './upgrade-offer.ts'

/** A reverse proxy to one service: a middleware of Express or connect, and a handler of a bare server of `node:http` or `node:http2`. */
export interface ProxyHandler extends Http2Middleware {
  /** Passes WebSockets on: `server.on('upgrade', users.upgrade)`. Several proxies: `upgrades(server, [users, orders])`. */
  readonly upgrade: UpgradeListener
}

/**
 * Passes requests on to the instances of `service`, and the responses back.
 *
 *     const users = proxy(lb, 'user-service', { prefix: '/users' })
 *     app.use(users)
 *     server.on('upgrade', users.upgrade)
 *
 * What fails before the response began moves on to another instance when repeating is safe, within the limits of `lb`.
 *
 * @throws InvalidOptionError
 */
export function proxy(lb: LoadBalancer, service: string, options: ProxyOptions = {}): ProxyHandler {
  checkLoadBalancer('proxy.lb', lb)
  if (typeof service !== 'string' || service === '') rejectOption('proxy.service', 'the name of a service', service)
  const settings = proxySettings(service, options)
  checkHashing(lb, service, options)
  const limits = { headersTimeout: timeout(settings.responseTimeoutMs), bodyTimeout: timeout(settings.idleTimeoutMs) }
  const shared: ProxyContext = { lb, settings, pools: upstreamPools(lb, settings), limits }
  const handler = (request: MaybeExpressRequest, response: ServerResponse, next?: Next): void => {
    if (isConnectionRefused(request)) return
    try {
      const target = requestTarget(request, settings.prefix)
      if (target !== undefined) void new ProxyCall(shared, target, request, response, next).run()
      else if (next !== undefined) next()
      else sendProblem(response, new ProxyError(404, 'There is nothing at this path.'))
    } catch (error) {
      new ProxyCall(shared, { path: '/', mount: '', authority: undefined }, request, response, next).fail(error)
    }
  }
  return Object.assign(handler as Http2Middleware, { upgrade: upgradeListener([upgradeRoute(shared)]) })
}

/** Equal keys stay on one instance only with a balancer that hashes. */
function checkHashing(lb: LoadBalancer, service: string, { sticky, hashKey }: ProxyOptions): void {
  if ((sticky === undefined && hashKey === undefined) || lb.heedsHashKey(service) !== false) return
  const option = sticky === undefined ? 'proxy.hashKey' : 'proxy.sticky'
  const { balancer } = lb.inspect(service)
  throw new InvalidOptionError(
    option,
    `${option} needs a balancer that hashes, but that of ${service} is ${balancer}. Give the service balancer: 'ring-hash' or 'maglev'`,
  )
}
