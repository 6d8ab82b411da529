import type { LoadBalancer } from '@lb/core'
import { checkLoadBalancer } from '@lb/core/authoring'
import type { Http2Middleware, Next } from './middleware.ts'

/**
 * What `loadBalancer(lb)` adds to a request. An application that wants Express' own type to have it says so once:
 *
 *     declare global {
 *       namespace Express {
 *         interface Request extends LoadBalancedRequest {}
 *       }
 *     }
 */
export interface LoadBalancedRequest {
  /** The load balancer that the middleware was given. */
  readonly loadBalancer: LoadBalancer
}

/**
 * A middleware that puts `lb` on every request, as `request.loadBalancer`.
 *
 * @throws InvalidOptionError
 */
export function loadBalancer(lb: LoadBalancer): Http2Middleware {
  checkLoadBalancer('loadBalancer.lb', lb)
  return (request: object, _response: object, next?: Next) => {
    Object.assign(request, { loadBalancer: lb })
    next?.()
  }
}
