import { STATUS_CODES } from 'node:http'
import replyFrom from '@fastify/reply-from'
import { type LoadBalancer, LoadBalancerError } from '@lb/core'
import { type ProxyHandler, type ProxyOptions, proxy, upgrades } from '@lb/express'
import { loadBalanceInterceptor } from '@lb/undici'
import type { FastifyInstance, FastifyPluginAsync, FastifyReply } from 'fastify'
import { Agent } from 'undici'

/** Options of `gateway`: those of the proxy, and what is behind it. */
export interface GatewayOptions extends ProxyOptions {
  readonly lb: LoadBalancer
  readonly service: string
}

/**
 * Puts a service behind the prefix of the plugin. The proxy of @lb/express takes the connection over from Fastify: hooks before it run,
 * such as authentication, and everything that it promises holds, upgrades included.
 *
 *     await app.register(gateway, { prefix: '/users', lb, service: 'user-service' })
 */
export const gateway: FastifyPluginAsync<GatewayOptions> = async (app, { lb, service, ...options }) => {
  const users: ProxyHandler = proxy(lb, service, { ...options, prefix: app.prefix })
  // The proxy reads the body itself, as it comes.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  const handler = (request: { raw: Parameters<ProxyHandler>[0] }, reply: FastifyReply): void => {
    reply.hijack()
    users(request.raw, reply.raw)
  }
  app.all('/', handler)
  app.all('/*', handler)
  upgrades(app.server, [users])
}

/**
 * The same with @fastify/reply-from, for an application that has it already: its requests go over a dispatcher with lb. What it does
 * itself, it does as before: it tells the instance nothing about the client, and does not end a request when its client disconnects.
 */
export async function replyFromService(app: FastifyInstance, lb: LoadBalancer): Promise<void> {
  const dispatcher = new Agent({ keepAliveTimeout: 1_000, keepAliveTimeoutThreshold: 1_000 })
  await app.register(replyFrom, {
    base: 'http://user-service',
    undici: dispatcher.compose(loadBalanceInterceptor(lb)),
  })
  app.addHook('onClose', () => dispatcher.close())
  app.all('/reply-from/*', (request, reply) => {
    reply.from(request.url.slice('/reply-from'.length), {
      // lb has repeated what may be repeated; reply-from would repeat a 503 up to ten times more.
      retryDelay: () => null,
      onError: (failed, { error }) => {
        // The message has addresses.
        failed.log.error(error)
        const status = error.cause instanceof LoadBalancerError ? 503 : 502
        failed.code(status).send({ statusCode: status, message: STATUS_CODES[status] })
      },
    })
  })
}
