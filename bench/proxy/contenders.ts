// The proxies that are compared, each to be started in a process of its own.
import { createServer, Agent as HttpAgent, type RequestListener, type Server } from 'node:http'
import replyFrom from '@fastify/reply-from'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { proxy } from '@lb/express'
import express from 'express'
import fastify from 'fastify'
import { createProxyMiddleware } from 'http-proxy-middleware'
import { createProxyServer } from 'httpxy'
import { barePipe } from './bare-pipe.ts'

/** Starts a proxy to the backends, and says on which port. Every one keeps its connections to them alive. */
type Start = (backends: readonly string[]) => Promise<number>

const keepAlive = { keepAlive: true, maxSockets: 512, maxFreeSockets: 512 }

function listen(handler: RequestListener): Promise<number> {
  const server: Server = createServer(handler)
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
  })
}

function lbProxy(backends: readonly string[]): ReturnType<typeof proxy> {
  return proxy(new LoadBalancer({ discovery: new StaticDiscovery({ service: backends }) }), 'service')
}

/** The turns of proxies that have none of their own. */
function turns(backends: readonly string[]): () => string {
  let next = 0
  return () => `http://${backends[next++ % backends.length]}`
}

function httpProxyMiddleware(backends: readonly string[]): ReturnType<typeof createProxyMiddleware> {
  return createProxyMiddleware({
    target: `http://${backends[0]}`,
    router: turns(backends),
    agent: new HttpAgent(keepAlive),
    xfwd: true,
  })
}

export const floor = 'floor: bare undici dispatch on node:http'

export const contenders: Readonly<Record<string, Start>> = {
  [floor]: (backends) => listen(barePipe(turns(backends))),
  'lb on Express 5': (backends) => listen(express().use(lbProxy(backends))),
  'lb on node:http': (backends) => listen(lbProxy(backends)),
  'http-proxy-middleware on Express 5': (backends) => listen(express().use(httpProxyMiddleware(backends))),
  'http-proxy-middleware on node:http': (backends) => {
    const handler = httpProxyMiddleware(backends)
    return listen((request, response) => void handler(request as never, response as never, () => {}))
  },
  'httpxy on node:http': (backends) => {
    const turn = turns(backends)
    const server = createProxyServer({ agent: new HttpAgent(keepAlive), xfwd: true })
    server.on('error', (_error, _request, response) => {
      if (response !== undefined && 'writeHead' in response && !response.headersSent) response.writeHead(502).end()
    })
    return listen((request, response) => void server.web(request, response, { target: turn() }))
  },
  '@fastify/reply-from on Fastify 5': async (backends) => {
    const turn = turns(backends)
    const app = fastify()
    // With its cache of URLs, or a base, every request would go to the first backend.
    await app.register(replyFrom, { undici: { connections: 128, pipelining: 1 }, disableCache: true })
    app.all('/*', (request, reply) => {
      // With two versions of its types about, the augmentation of the reply may miss.
      ;(reply as unknown as { from(url: string, options: object): void }).from(request.url, { getUpstream: turn })
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    return (app.server.address() as { port: number }).port
  },
}
