import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type RequestListener, request } from 'node:http'
import { connect } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { gateway, replyFromService } from '../src/gateway.ts'

const closers: (() => unknown)[] = []

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function startInstance(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => server.close().closeAllConnections())
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket) => socket.on('message', (data: Buffer) => socket.send(`echo ${data.toString()}`)))
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

function loadBalancer(...instances: string[]): LoadBalancer {
  const lb = new LoadBalancer({ discovery: new StaticDiscovery({ 'user-service': instances }) })
  closers.push(() => lb.close())
  return lb
}

async function start(app: FastifyInstance, lb: LoadBalancer): Promise<{ url: string; port: number }> {
  await app.register(gateway, { prefix: '/users', lb, service: 'user-service' })
  await replyFromService(app, lb)
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  closers.push(() => {
    app.server.closeAllConnections?.()
    return app.close()
  })
  return { url, port: (app.server.address() as AddressInfo).port }
}

const echo: RequestListener = ({ url, headers }, response) => {
  void text(response.req).then((body) => response.end(JSON.stringify({ url, headers, body })))
}

describe('the plugin', () => {
  it('forwards bodies as they are, and says who the client is', async () => {
    const { url } = await start(fastify(), loadBalancer(await startInstance(echo)))
    for (const type of ['application/json', 'text/plain', 'multipart/form-data; boundary=x', 'application/x-odd']) {
      const init = { method: 'POST', body: '{"a" :1}', headers: { 'content-type': type } }
      const headers = { 'content-type': type, 'x-forwarded-for': '127.0.0.1', via: '1.1 lb' }
      const seen = await (await fetch(`${url}/users/v1?x=1`, init)).json()
      expect(seen).toMatchObject({ url: '/v1?x=1', body: '{"a" :1}', headers })
    }
    expect(await (await fetch(`${url}/users`)).json()).toMatchObject({ url: '/' })
  })

  it('comes after the hooks of the application, which can refuse, and hear of the response', async () => {
    const app = fastify()
    const statuses: number[] = []
    app.addHook('onRequest', async (incoming, reply) => {
      if (incoming.headers.authorization === undefined) await reply.code(401).send()
    })
    app.addHook('onResponse', async (_incoming, reply) => void statuses.push(reply.raw.statusCode))
    const { url } = await start(app, loadBalancer(await startInstance(echo)))
    expect((await fetch(`${url}/users/x`)).status).toBe(401)
    expect((await fetch(`${url}/users/x`, { headers: { authorization: 'x' } })).status).toBe(200)
    await vi.waitFor(() => expect(statuses).toEqual([401, 200]))
  })

  it('ends the request at the instance when its client goes away', async () => {
    const gone = vi.fn()
    const lb = loadBalancer(await startInstance((_incoming, response) => response.on('close', gone)))
    const { port } = await start(fastify(), lb)
    const sent = request({ port, host: '127.0.0.1', path: '/users/slow' }).on('error', () => {})
    sent.end()
    await vi.waitFor(() => expect(lb.inspect('user-service').inFlight).toBe(1))
    sent.destroy()
    await vi.waitFor(() => expect(gone).toHaveBeenCalled())
  })

  it('forwards WebSockets', async () => {
    const { port } = await start(fastify(), loadBalancer(await startInstance(echo)))
    const socket = new WebSocket(`ws://127.0.0.1:${port}/users/ws`)
    closers.push(() => socket.terminate())
    await once(socket, 'open')
    socket.send('hello')
    expect(String((await once(socket, 'message'))[0])).toBe('echo hello')
  })

  it('serves HTTP/2', async () => {
    const app = fastify({ http2: true }) as unknown as FastifyInstance
    const { port } = await start(app, loadBalancer(await startInstance(echo)))
    const session = connect(`http://127.0.0.1:${port}`)
    closers.push(() => session.destroy())
    const stream = session.request({ ':path': '/users/v1', ':method': 'POST' })
    stream.end('hello')
    expect(JSON.parse(await text(stream))).toMatchObject({ url: '/v1', body: 'hello', headers: { via: '2 lb' } })
  })

  it('says 503 when there is no instance', async () => {
    const { url } = await start(fastify(), loadBalancer())
    const response = await fetch(`${url}/users/x`)
    expect([response.status, response.headers.get('content-type')]).toEqual([503, 'application/problem+json'])
  })
})

describe('@fastify/reply-from over lb', () => {
  it('moves on to another instance, and says what failed', async () => {
    const instance = await startInstance(echo)
    const { url } = await start(fastify(), loadBalancer('127.0.0.1:1', instance))
    for (let number = 0; number < 6; number++) {
      const init = { method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/json' } }
      const seen = await (await fetch(`${url}/reply-from/v1`, init)).json()
      expect(seen).toMatchObject({ url: '/v1', body: '{"a":1}' })
    }
  })

  it.each([
    [503, undefined],
    [502, '127.0.0.1:1'],
  ])('says %d when the service cannot be reached', async (status, instance) => {
    const { url } = await start(fastify(), instance === undefined ? loadBalancer() : loadBalancer(instance))
    expect((await fetch(`${url}/reply-from/v1`)).status).toBe(status)
  })

  it('leaves repetitions to lb', async () => {
    let requests = 0
    const instance = await startInstance((_incoming, response) => {
      requests++
      response.writeHead(503).end()
    })
    const lb = new LoadBalancer({ discovery: new StaticDiscovery({ 'user-service': [instance] }), retry: false })
    closers.push(() => lb.close())
    const { url } = await start(fastify(), lb)
    expect((await fetch(`${url}/reply-from/v1`)).status).toBe(503)
    expect(requests).toBe(1)
  })
})

it('runs with no outside service and ends by itself', { timeout: 30_000 }, async () => {
  const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [main])
  expect(stdout.match(/60 requests, 0 failed/g)).toHaveLength(2)
  expect(stderr).toBe('')
})
