import type { LoadBalancer } from '@lb/core'
import { checkLoadBalancer } from '@lb/core/authoring'
import { DashboardServer } from './dashboard-server.ts'
import { ApiError } from './http/api-error.ts'
import type { Exchange } from './http/exchange.ts'
import { fetchExchange, fetchResponse } from './http/fetch-handler.ts'
import { type NodeRequest, type NodeResponse, nodeExchange, writeReply } from './http/node-handler.ts'
import { errorReply } from './http/reply.ts'
import { type DashboardOptions, dashboardSettings } from './options.ts'

/** A dashboard, to be mounted under any path. */
export interface Dashboard {
  /** Responds to a request of `node:http`, `node:http2`, Express, Nest or Fastify; what is not the dashboard's goes to `next`. */
  readonly handle: (request: NodeRequest, response: NodeResponse, next?: (error?: unknown) => void) => void
  /** Responds to a web `Request`: in Hono, Bun, Deno, workers. Never rejects. */
  readonly fetch: (request: Request) => Promise<Response>
  /** Ends its streams, and what it collects. Happens by itself when the load balancer is closed. */
  readonly close: () => void
}

/**
 * A page, and a JSON API, that show what `lb` does and why. It collects figures of the traffic from now on until it is closed.
 *
 *     app.use('/lb', dashboard(lb).handle)
 *
 * It only reads, unless `authorize` says who may change something. It does not ask who reads: mount it where only operators come.
 *
 * @throws InvalidOptionError
 */
export function dashboard(lb: LoadBalancer, options: DashboardOptions = {}): Dashboard {
  checkLoadBalancer('dashboard.lb', lb)
  const settings = dashboardSettings(options)
  const server = new DashboardServer(lb, settings)
  const respond = async (exchange: Exchange, response: NodeResponse, next?: () => void): Promise<void> => {
    const reply = await server.respond(exchange)
    if (reply === undefined) next?.()
    else writeReply(response, reply, { isHead: exchange.method === 'HEAD', clock: settings.clock })
  }
  return {
    handle: (request, response, next) => {
      const exchange = nodeExchange(request, next !== undefined, settings.clock)
      void respond(exchange, response, next)
    },
    fetch: async (request) => {
      const reply = await server.respond(fetchExchange(request, settings.clock))
      const notFound = new ApiError('NOT_FOUND', 'There is nothing at this path')
      return fetchResponse(reply ?? errorReply(notFound), request.method === 'HEAD')
    },
    close: () => server.close(),
  }
}
