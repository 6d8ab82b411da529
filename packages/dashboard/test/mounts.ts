import 'reflect-metadata'
import type { Server } from 'node:http'
import middie from '@fastify/middie'
import { serve as serveHono } from '@hono/node-server'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { proxy } from '@lb/express'
import { type INestApplication, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { createProxyMiddleware } from 'http-proxy-middleware'
import type { Dashboard } from '../src/index.ts'
import { listen, onClose, originOf, serve } from './servers.ts'

/** Serves a dashboard: the address of its page, with the slash. */
export type Mount = (shown: Dashboard) => Promise<string>

class AppModule {}
Module({})(AppModule)

async function nest(create: () => Promise<INestApplication>, shown: Dashboard): Promise<string> {
  const app = await create()
  app.use('/ops/lb', shown.handle)
  await app.listen(0, '127.0.0.1')
  onClose(() => app.close())
  return `${originOf(app.getHttpServer() as Server)}/ops/lb/`
}

/** A gateway with the proxy of @lb/express in front of `origin`. */
async function gateway(origin: string, prefix: string, targetPrefix: string): Promise<string> {
  const lb = new LoadBalancer({ discovery: new StaticDiscovery({ ops: [origin.replace('http://', '')] }) })
  onClose(() => lb.close())
  return serve(proxy(lb, 'ops', { prefix, targetPrefix }))
}

/** Every way to mount a dashboard. */
export const mounts: Readonly<Record<string, Mount>> = {
  'node:http': async (shown) => `${await serve(shown.handle)}/`,
  'node:http under a prefix': async (shown) => {
    const origin = await serve((request, response) => {
      if (request.url?.startsWith('/ops/lb')) shown.handle(request, response)
      else response.writeHead(404).end()
    })
    return `${origin}/ops/lb/`
  },
  Express: async (shown) => {
    const app = express().use(express.json()).use('/ops/lb', shown.handle)
    return `${await serve(app)}/ops/lb/`
  },
  'Fastify with middie': async (shown) => {
    const app = fastify()
    await app.register(middie)
    app.use('/ops/lb', shown.handle)
    await app.ready()
    onClose(() => app.close())
    return `${await listen(app.server)}/ops/lb/`
  },
  'Fastify with a handler': async (shown) => {
    const app = fastify()
    for (const path of ['/ops/lb', '/ops/lb/*']) {
      app.all(path, (request, reply) => {
        reply.hijack()
        shown.handle(Object.assign(request.raw, { body: request.body }), reply.raw)
      })
    }
    await app.ready()
    onClose(() => app.close())
    return `${await listen(app.server)}/ops/lb/`
  },
  'Nest on Express': (shown) => nest(() => NestFactory.create(AppModule, { logger: false }), shown),
  'Nest on Fastify': (shown) =>
    nest(() => NestFactory.create<NestFastifyApplication>(AppModule, new FastifyAdapter(), { logger: false }), shown),
  Hono: async (shown) => {
    const app = new Hono().all('/ops/lb/*', ({ req }) => shown.fetch(req.raw))
    const server = await new Promise<Server>((resolve) => {
      const started = serveHono({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () => resolve(started as Server))
    })
    onClose(() => server.close().closeAllConnections())
    return `${originOf(server)}/ops/lb/`
  },
  'a proxy that takes the prefix off': async (shown) =>
    `${await gateway(await serve(shown.handle), '/ops/lb', '/')}/ops/lb/`,
  'a proxy that leaves the prefix': async (shown) =>
    `${await gateway(await serve(express().use('/ops/lb', shown.handle)), '/ops/lb', '/ops/lb')}/ops/lb/`,
  'http-proxy-middleware': async (shown) => {
    const target = await serve(shown.handle)
    return `${await serve(express().use('/ops/lb', createProxyMiddleware({ target, changeOrigin: true })))}/ops/lb/`
  },
}
