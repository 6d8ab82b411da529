import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import { createServer as createHttp2Server, type Http2Server } from 'node:http2'
import { createRequire } from 'node:module'
import { connect, createServer as createTcpServer, type Socket } from 'node:net'
import { LoadBalancer, type LoadBalancerOptions, StaticDiscovery } from '@lb/core'
import { unsharedPort } from '@lb/testing'
import express5 from 'express'
import { expect } from 'vitest'
import { type ProxyHandler, type ProxyOptions, proxy } from '../src/index.ts'
import { closeAll, onClose } from './closers.ts'
import { overHttp2 } from './http2-client.ts'

/** Express 4.21, which has no types here: those of Express 5 fit. */
export const express4: typeof express5 = createRequire(import.meta.url)('express4')

export { closeAll, onClose }

export async function listen(server: Server | Http2Server | ReturnType<typeof createTcpServer>): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  const port = await unsharedPort()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', () => resolve()))
  onClose(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise((resolve) => server.close(resolve))
  })
  return port
}

/** An instance that speaks HTTP. */
export async function startInstance(listener: RequestListener): Promise<string> {
  return `127.0.0.1:${await listen(createServer(listener))}`
}

/** An instance that answers each connection with bytes of the test's own choice, once a whole header has come. */
export async function startRawInstance(answer: (socket: Socket, received: string) => void): Promise<string> {
  const server = createTcpServer((socket) => {
    let received = ''
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      if (!received.includes('\r\n\r\n')) return
      const request = received
      received = ''
      answer(socket, request)
    })
  })
  return `127.0.0.1:${await listen(server)}`
}

/** What an instance saw of a request. */
export interface SeenRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly rawHeaders: readonly string[]
  readonly body: string
}

/** Records requests and answers with what it saw. */
export async function startEcho(
  options: { insecureHTTPParser?: boolean } = {},
): Promise<{ address: string; seen: SeenRequest[] }> {
  const seen: SeenRequest[] = []
  const server = createServer(options, (request, response) => {
    let body = ''
    request.setEncoding('latin1').on('data', (chunk: string) => {
      body += chunk
    })
    request.on('end', () => {
      const { method = '', url = '', headers, rawHeaders } = request
      seen.push({ method, url, headers, rawHeaders, body })
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(seen.at(-1)))
    })
  })
  return { address: `127.0.0.1:${await listen(server)}`, seen }
}

export const frameworks = ['express 5', 'express 4', 'bare node:http', 'bare node:http2'] as const
/** Those that have connections of HTTP/1.1, where one request follows the other. */
export const http1Frameworks: readonly Framework[] = frameworks.filter((each) => each !== 'bare node:http2')
export type Framework = (typeof frameworks)[number]

export interface GatewayOptions {
  readonly framework?: Framework
  readonly proxy?: ProxyOptions
  readonly lb?: Partial<LoadBalancerOptions>
  readonly server?: ServerOptions
  /** Where Express mounts the proxy. */
  readonly mount?: string
  readonly set?: Readonly<Record<string, unknown>>
  /** Handlers before the proxy, and after it. */
  readonly before?: (request: IncomingMessage, response: ServerResponse, next: () => void) => void
  readonly onNext?: (error: unknown, response: ServerResponse) => void
}

export interface Gateway {
  readonly port: number
  readonly url: string
  readonly lb: LoadBalancer
  readonly discovery: StaticDiscovery
  readonly handler: ProxyHandler
  readonly server: Server
}

/** A server with a proxy to `instances`. */
export async function startGateway(instances: readonly string[], options: GatewayOptions = {}): Promise<Gateway> {
  const { framework = 'bare node:http', mount = '/' } = options
  const discovery = new StaticDiscovery({ service: [...instances] })
  const lb = new LoadBalancer({ discovery, ...options.lb })
  onClose(() => lb.close())
  const handler = proxy(lb, 'service', options.proxy)
  const listener = framework.startsWith('bare') ? bare(handler, options) : mounted(handler, framework, mount, options)
  const server = await serverOf(framework, listener, options.server)
  server.on('upgrade', handler.upgrade)
  const port = await listen(server)
  return { port, url: `http://127.0.0.1:${port}`, lb, discovery, handler, server }
}

/** A server of HTTP/1.1; with `bare node:http2` it asks one of HTTP/2 that has the listener. */
export async function serverOf(
  framework: Framework,
  listener: RequestListener,
  options: ServerOptions = {},
): Promise<Server> {
  if (framework !== 'bare node:http2') return createServer(options, listener)
  // Its requests and responses have the same form.
  return overHttp2(await listen(createHttp2Server(listener as never)))
}

function bare(handler: ProxyHandler, { before, onNext }: GatewayOptions): RequestListener {
  return (request, response) => {
    const run = (): void =>
      onNext === undefined ? handler(request, response) : handler(request, response, (error) => onNext(error, response))
    if (before === undefined) run()
    else before(request, response, run)
  }
}

function mounted(handler: ProxyHandler, framework: Framework, mount: string, options: GatewayOptions): RequestListener {
  const app = framework === 'express 4' ? express4() : express5()
  for (const [name, value] of Object.entries(options.set ?? {})) app.set(name, value)
  const { before, onNext } = options
  if (before !== undefined) app.use(before)
  app.use(mount, handler)
  if (onNext !== undefined) {
    app.use((error: unknown, _request: unknown, response: ServerResponse, _next: unknown) => onNext(error, response))
  }
  return app
}

/** Sends bytes as they are and gives all that comes back until the other side closes, or `quietMs` pass without a byte. */
export function exchangeBytes(port: number, bytes: string | readonly string[], quietMs = 250): Promise<string> {
  return new Promise((resolve) => {
    let received = ''
    const socket = connect(port, '127.0.0.1')
    socket.setTimeout(quietMs, () => socket.destroy())
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(received))
    for (const part of typeof bytes === 'string' ? [bytes] : bytes) socket.write(part, 'latin1')
  })
}

/** The statuses of all answers in what came back; interim ones too. */
export function statuses(received: string): number[] {
  return Array.from(received.matchAll(/HTTP\/1\.[01] (\d{3}) /g), ([, status]) => Number(status))
}

/** A promise and what settles it. */
export function deferred<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

/** An address where nobody listens. */
export async function nobody(): Promise<string> {
  return `127.0.0.1:${await unsharedPort()}`
}

export async function expectProblem(response: Response, status: number): Promise<void> {
  expect(response.status).toBe(status)
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  expect(await response.json()).toMatchObject({
    type: 'about:blank',
    status,
    title: expect.any(String),
    detail: expect.any(String),
  })
}
