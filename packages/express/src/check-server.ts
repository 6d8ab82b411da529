import { rejectOption } from '@lb/core/authoring'

/** Throws unless `value` is a server of Node: an application of Express or Koa has `on` too, but never emits `upgrade`. */
export function checkServer(path: string, value: unknown): void {
  const server: Partial<Record<string, unknown>> = Object(value)
  const isServer = typeof server.prependListener === 'function' && typeof server.close === 'function'
  if (isServer) return
  const remedy = 'Give what listen() returns, or app.server of Fastify, or app.getHttpServer() of Nest'
  rejectOption(path, 'a server of node:http, node:https or node:http2', value, remedy)
}
