import { once } from 'node:events'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import {
  type ClientHttp2Session,
  connect,
  constants,
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
} from 'node:http2'
import { request as httpsRequest } from 'node:https'
import { createRequire } from 'node:module'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { FakeClock } from '@lb/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import {
  healthEndpoint,
  loadReport,
  type ProxyError,
  type ProxyHandler,
  type ProxyOptions,
  proxy,
  upgrades,
} from '../src/index.ts'
import { newCertificate } from './certificate.ts'
import { ask, RawHttp2Request, responseOf } from './http2-client.ts'
import { closeAll, deferred, listen, nobody, onClose, startEcho, startInstance, startRawInstance } from './support.ts'
import { startWebSocketEcho } from './web-sockets.ts'

/** It has no types. */
const connectApp: () => { use(...handlers: unknown[]): ReturnType<typeof connectApp> } = createRequire(import.meta.url)(
  'connect',
)

afterEach(closeAll)

const head = { ':method': 'GET', ':path': '/x', ':scheme': 'http', ':authority': 'gw.test' }

interface Gateway {
  readonly lb: LoadBalancer
  readonly handler: ProxyHandler
  readonly session: ClientHttp2Session
  readonly server: Http2Server
  readonly errors: ProxyError[]
}

async function startHttp2(instances: readonly string[], options: ProxyOptions = {}): Promise<Gateway> {
  const lb = new LoadBalancer({ discovery: new StaticDiscovery({ service: [...instances] }) })
  onClose(() => lb.close())
  const errors: ProxyError[] = []
  const handler = proxy(lb, 'service', { onError: (error) => errors.push(error), ...options })
  const server = createServer(handler)
  return { lb, handler, server, errors, session: sessionTo(`http://127.0.0.1:${await listen(server)}`) }
}

function sessionTo(url: string, options: object = {}): ClientHttp2Session {
  const session = connect(url, options).on('error', () => {})
  onClose(() => session.destroy())
  return session
}

/** Resolves when nothing is in flight any more. */
const quiet = ({ lb }: Gateway): Promise<unknown> => vi.waitFor(() => expect(lb.inspect('service').inFlight).toBe(0))

describe('a request over HTTP/2', () => {
  it('reaches the instance as one of HTTP/1.1: its authority is the host, its cookie is one', async () => {
    const { address, seen } = await startEcho()
    const { session } = await startHttp2([address])
    const fields = { cookie: ['a=1', 'b=2', 'c=3'], te: 'trailers', 'x-twice': ['1', '2'] }
    const { status } = await ask(session, { ':path': '/a?b', ':authority': 'gw.test:80', ...fields })
    expect(status).toBe(200)
    const { headers, rawHeaders, url } = seen[0] ?? {}
    expect(url).toBe('/a?b')
    expect(headers).toMatchObject({
      host: address,
      cookie: 'a=1; b=2; c=3',
      te: 'trailers',
      via: '2 lb',
      'x-twice': '1, 2',
      'x-forwarded-host': 'gw.test:80',
      'x-forwarded-proto': 'http',
      'x-forwarded-for': '127.0.0.1',
      forwarded: 'for=127.0.0.1;host="gw.test:80";proto=http',
    })
    expect(rawHeaders?.filter((each) => each.toLowerCase() === 'cookie')).toHaveLength(1)
    expect(rawHeaders?.some((each) => each.startsWith(':'))).toBe(false)
  })

  it('has the host of its Host field when it has no authority', async () => {
    const { address, seen } = await startEcho()
    const { session } = await startHttp2([address], { hostHeader: 'client' })
    await ask(session, { host: 'other.test' })
    expect(seen[0]?.headers).toMatchObject({ host: 'other.test', 'x-forwarded-host': 'other.test' })
  })

  it.each([
    ['a Host that is not the authority', { ':authority': 'gw.test', host: 'evil.test' }, 400],
    ['a dot segment', { ':path': '/a/../b' }, 400],
    ['an asterisk', { ':method': 'OPTIONS', ':path': '*' }, 400],
    ['TRACE', { ':method': 'TRACE' }, 405],
  ])('with %s is refused, and no other of its connection', async (_name, headers, status) => {
    const { address, seen } = await startEcho()
    const { session } = await startHttp2([address])
    const refused = await ask(session, { ':authority': 'gw.test', ...headers })
    expect(refused).toMatchObject({ status, rstCode: 0 })
    expect(refused.headers).not.toHaveProperty('connection')
    expect(JSON.parse(refused.body)).toMatchObject({ status })
    expect((await ask(session, { ':path': '/next' })).status).toBe(200)
    expect(seen.map(({ url }) => url)).toEqual(['/next'])
  })

  it.each([
    ['a target in absolute form', { ':path': 'http://evil.test/x' }],
    ['an authority that is none', { ':authority': 'a b' }],
    ['a field of the connection', { 'transfer-encoding': 'chunked' }],
  ])('with %s does not reach the instance', async (_name, fields) => {
    const { address, seen } = await startEcho()
    const gateway = await startHttp2([address])
    const { port } = gateway.server.address() as { port: number }
    const request = new RawHttp2Request(port, { ...head, ':method': 'PUT', ...fields })
    request.data('x')
    request.data('y')
    expect((await ask(gateway.session, { ':path': '/next' })).status).toBe(200)
    expect(seen.map(({ url }) => url)).toEqual(['/next'])
  })

  it('that is a CONNECT is not served', async () => {
    const { session } = await startHttp2([await nobody()])
    expect(await ask(session, { ':method': 'CONNECT', ':authority': 'x:1' })).toMatchObject({ status: 405 })
  })

  it.each([
    ['of a length that is said', { 'content-length': 5 }, { 'content-length': '5' }],
    ['of another one', {}, { 'transfer-encoding': 'chunked' }],
  ])('has a body %s', async (_name, fields, expected) => {
    const { address, seen } = await startEcho()
    const { session } = await startHttp2([address])
    expect((await ask(session, { ':method': 'POST', ...fields }, 'hello')).status).toBe(200)
    expect(seen[0]).toMatchObject({ body: 'hello', headers: expected })
  })

  it('with an empty body of no length is sent without one', async () => {
    const { address, seen } = await startEcho()
    const { session } = await startHttp2([address])
    for (const method of ['GET', 'PUT', 'POST'])
      expect((await ask(session, { ':method': method }, '')).status).toBe(200)
    expect(seen.map(({ body }) => body)).toEqual(['', '', ''])
    expect(seen[0]?.headers).not.toHaveProperty('transfer-encoding')
  })

  it('moves on to another instance when one is gone', async () => {
    const { address } = await startEcho()
    const { session } = await startHttp2([await nobody(), address])
    const statuses = await Promise.all(
      Array.from({ length: 60 }, async (_each, index) => {
        const { status } = await ask(
          session,
          { ':method': index % 2 === 0 ? 'GET' : 'POST' },
          index % 2 ? 'x' : undefined,
        )
        return status
      }),
    )
    expect(new Set(statuses)).toEqual(new Set([200]))
  })
})

describe('a response over HTTP/2', () => {
  it('has no fields of the connection, and repeated ones as often as they mean something', async () => {
    const instance = await startRawInstance((socket) =>
      socket.write(
        'HTTP/1.1 200 Fine\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\n' +
          'Proxy-Connection: close\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Content-Type-Options: nosniff\r\n' +
          'x-content-type-options: nosniff\r\nVary: a\r\nVary: b\r\nX-Latin: \xe9\r\nContent-Length: 2\r\n\r\nok',
        'latin1',
      ),
    )
    const { session } = await startHttp2([instance])
    const { status, headers, body } = await ask(session, {})
    expect([status, body]).toEqual([200, 'ok'])
    for (const name of ['connection', 'keep-alive', 'upgrade', 'proxy-connection', 'x-hop', 'transfer-encoding']) {
      expect(headers).not.toHaveProperty(name)
    }
    expect(headers).toMatchObject({
      'set-cookie': ['a=1', 'b=2'],
      'x-content-type-options': 'nosniff',
      vary: 'a, b',
      'x-latin': '\xe9',
      'content-length': '2',
    })
  })

  it('has hints before it and trailers behind it', async () => {
    const instance = await startRawInstance((socket) =>
      socket.write(
        'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n' +
          'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\nX-Sum: 8\r\nContent-Type: x\r\n\r\n',
      ),
    )
    const { session } = await startHttp2([instance])
    const { interim, body, trailers, headers } = await ask(session, {})
    expect(interim.map((each) => [each[':status'], each.link])).toEqual([
      [102, undefined],
      [103, '</a.css>; rel=preload'],
    ])
    expect([body, headers.trailer, Object.keys(trailers)]).toEqual(['ok', 'X-Sum', ['x-sum']])
    expect(trailers['x-sum']).toBe('7, 8')
  })

  it.each([
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', 200, '5'],
    ['GET', 'HTTP/1.1 204 No Content\r\n\r\n', 204, undefined],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 5\r\n\r\n', 304, undefined],
    ['GET', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 200, '0'],
  ])('to %s without a body is whole: %j', async (method, bytes, status, length) => {
    const gateway = await startHttp2([await startRawInstance((socket) => socket.write(bytes))])
    const response = await ask(gateway.session, { ':method': method })
    expect(response).toMatchObject({ status, body: '', rstCode: 0 })
    expect(response.headers['content-length']).toBe(length)
    await quiet(gateway)
  })

  it.each([
    ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'],
    ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
  ])('that breaks off, of %s, is not taken for a whole one', async (_name, bytes) => {
    const gateway = await startHttp2([await startRawInstance((socket) => socket.end(bytes))])
    const response = await ask(gateway.session, { ':method': 'POST' }, 'x')
    expect(response.rstCode).toBe(constants.NGHTTP2_INTERNAL_ERROR)
    expect((await ask(gateway.session, { ':method': 'TRACE' })).status).toBe(405)
    await quiet(gateway)
  })

  it('that has a status beyond 599 is a 502, and an error is a problem document', async () => {
    const instance = await startRawInstance((socket) => socket.write('HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n'))
    const { session, errors } = await startHttp2([instance])
    const { status, headers } = await ask(session, {})
    expect([status, headers['content-type']]).toEqual([502, 'application/problem+json'])
    expect(errors).toHaveLength(1)
  })

  it('comes no faster than the client reads', async () => {
    let written = 0
    const instance = await startInstance((_request, response) => {
      const chunk = Buffer.alloc(65_536)
      const more = (): void => {
        while (written < 67_108_864) {
          written += chunk.length
          if (!response.write(chunk)) return
        }
        response.end()
      }
      response.on('drain', more)
      more()
    })
    const gateway = await startHttp2([instance])
    const stream = gateway.session.request({}).on('error', () => {})
    await once(stream, 'response')
    let before = -1
    await vi.waitFor(() => {
      const isStill = before === written
      before = written
      expect(isStill).toBe(true)
    })
    expect(written).toBeLessThan(33_554_432)
    let received = 0
    for await (const chunk of stream) received += (chunk as Buffer).length
    expect(received).toBe(67_108_864)
  })

  it('before the end of the body ends the request', async () => {
    const instance = await startInstance((_request, response) => response.writeHead(413).end('too much'))
    const gateway = await startHttp2([instance])
    const stream = gateway.session.request({ ':method': 'POST' })
    stream.write('x'.repeat(1_000))
    // The client has not ended its request, and need not: the stream is over.
    expect(await responseOf(stream)).toMatchObject({ status: 413, body: 'too much', rstCode: 0 })
    await quiet(gateway)
  })
})

describe('a client that goes away', () => {
  const ways = {
    'resets its stream': (_session: ClientHttp2Session, stream: { close(code: number): void }) =>
      stream.close(constants.NGHTTP2_CANCEL),
    'ends its stream without an error': (_session: ClientHttp2Session, stream: { close(code: number): void }) =>
      stream.close(constants.NGHTTP2_NO_ERROR),
    'closes its connection': (session: ClientHttp2Session) => session.destroy(),
  }

  it.each(
    Object.entries(ways).flatMap(([way, leave]) => ['GET', 'HEAD', 'POST'].map((method) => ({ way, leave, method }))),
  )('and $way, ends the $method at the instance', async ({ leave, method }) => {
    const [came, gone] = [deferred(), deferred()]
    const instance = await startInstance((request, response) => {
      request.resume()
      came.resolve()
      response.on('close', () => gone.resolve())
    })
    const gateway = await startHttp2([instance])
    const stream = gateway.session.request({ ':method': method }, { endStream: method !== 'POST' })
    stream.on('error', () => {})
    if (method === 'POST') stream.end('x')
    await came.promise
    leave(gateway.session, stream)
    await gone.promise
    await quiet(gateway)
    expect(gateway.errors).toEqual([])
  })

  const cuts: Readonly<Record<string, (request: RawHttp2Request) => void>> = {
    'resets its stream': (request) => request.reset(constants.NGHTTP2_CANCEL),
    'resets its stream without an error': (request) => request.reset(constants.NGHTTP2_NO_ERROR),
    'closes its connection': (request) => request.disconnect(),
  }

  it.each(Object.entries(cuts))('and %s during its upload, has sent no whole request', async (_way, cut) => {
    for (const length of [{}, { 'content-length': '10' }]) {
      const [came, gone] = [deferred(), deferred()]
      let isWhole = false
      const instance = await startInstance((request) => {
        request.on('data', () => came.resolve()).on('end', () => (isWhole = true))
        request.on('close', () => gone.resolve()).on('error', () => {})
      })
      const gateway = await startHttp2([instance])
      const { port } = gateway.server.address() as { port: number }
      const request = new RawHttp2Request(port, { ...head, ':method': 'POST', ...length })
      request.data('half')
      await came.promise
      cut(request)
      await gone.promise
      expect(isWhole).toBe(false)
      await quiet(gateway)
    }
  })

  it.each(Object.entries(cuts))('and %s before a short body is whole, has sent nothing', async (_way, cut) => {
    const { address, seen } = await startEcho()
    const gateway = await startHttp2([address])
    const { port } = gateway.server.address() as { port: number }
    const [request] = [new RawHttp2Request(port, { ...head, ':method': 'PUT' }), await once(gateway.server, 'request')]
    request.data('half')
    cut(request)
    expect((await ask(gateway.session, { ':path': '/next' })).status).toBe(200)
    expect(seen.map(({ url }) => url)).toEqual(['/next'])
    await quiet(gateway)
  })

  it.each(['PUT', 'POST'])('in its silence, during a %s, is told 408', async (method) => {
    const gone = deferred()
    const instance = await startInstance((request) => request.on('error', () => {}).on('close', () => gone.resolve()))
    const clock = new FakeClock()
    const gateway = await startHttp2([instance], { clock, idleTimeoutMs: 1_000 })
    const stream = gateway.session.request({ ':method': method, 'content-length': 10 })
    const response = responseOf(stream)
    const went = once(gateway.server, 'request')
    stream.write('half')
    await went
    // One piece a second is enough.
    const [request] = await went
    for (let piece = 0; piece < 3; piece++) {
      await vi.waitFor(() => expect(request.readableFlowing).toBe(true))
      const came = once(request, 'data')
      stream.write('x')
      await came
      await clock.advance(1_000)
    }
    expect(gateway.errors).toEqual([])
    await clock.advance(2_000)
    expect(await response).toMatchObject({ status: 408, rstCode: 0 })
    if (method === 'POST') await gone.promise
    await quiet(gateway)
    expect(gateway.lb.inspect('service').instances[0]?.state).toBe('available')
  })

  it.each(Object.entries(ways))('and %s during the response, ends it at the instance', async (_way, leave) => {
    const gone = deferred()
    const instance = await startInstance((_request, response) => {
      response.write('first')
      response.on('close', () => gone.resolve())
    })
    const gateway = await startHttp2([instance])
    const stream = gateway.session.request({}).on('error', () => {})
    await once(stream, 'data')
    leave(gateway.session, stream)
    await gone.promise
    await quiet(gateway)
  })
})

describe('a server of HTTP/2', () => {
  it('that says GOAWAY ends what is in flight', async () => {
    const [came, release] = [deferred(), deferred()]
    const instance = await startInstance((_request, response) => {
      came.resolve()
      void release.promise.then(() => response.end('whole'))
    })
    const { session, server } = await startHttp2([instance])
    let away = false
    session.on('goaway', () => (away = true))
    server.on('session', (each) => void came.promise.then(() => each.close()))
    const pending = ask(session, {})
    await vi.waitFor(() => expect(away).toBe(true))
    release.resolve()
    expect(await pending).toMatchObject({ status: 200, body: 'whole', rstCode: 0 })
  })

  it('has the middlewares of the package, and connect', async () => {
    const { address, seen } = await startEcho()
    const lb = new LoadBalancer({ discovery: new StaticDiscovery({ service: [address] }) })
    onClose(() => lb.close())
    const health = healthEndpoint()
    const app = connectApp()
    app
      .use(health)
      .use(loadReport({ intervalMs: 10 }))
      .use('/api', proxy(lb, 'service'))
    const session = sessionTo(`http://127.0.0.1:${await listen(createServer(app as never))}`)
    expect((await ask(session, { ':path': '/health' })).status).toBe(200)
    expect((await ask(session, { ':path': '/api/x' })).status).toBe(200)
    expect((await ask(session, { ':path': '/none' })).status).toBe(404)
    expect(seen[0]?.url).toBe('/x')
    health.drain()
    const draining = await ask(session, { ':path': '/health' })
    expect(draining.status).toBe(503)
    expect(draining.headers).not.toHaveProperty('connection')
  })

  it('and of HTTP/1.1, over TLS, serves both, and WebSockets', async () => {
    const { address } = await startWebSocketEcho()
    const lb = new LoadBalancer({ discovery: new StaticDiscovery({ service: [address] }) })
    onClose(() => lb.close())
    const handler = proxy(lb, 'service')
    const certificate = newCertificate()
    const server: Http2SecureServer = createSecureServer({ ...certificate, allowHTTP1: true }, handler)
    upgrades(server, [handler])
    const port = await listen(server)
    const session = sessionTo(`https://localhost:${port}`, { ca: certificate.cert })
    expect(await ask(session, {})).toMatchObject({ status: 200, body: 'http' })
    const sent = httpsRequest({ port, host: 'localhost', ca: certificate.cert }).end()
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    expect(response.statusCode).toBe(200)
    response.resume()
    const socket = new WebSocket(`wss://localhost:${port}/`, { ca: certificate.cert })
    onClose(() => socket.terminate())
    await once(socket, 'open')
    socket.send('hello')
    const [message] = await once(socket, 'message')
    expect(String(message)).toBe('hello')
  })

  it('over TLS says so to the instance', async () => {
    const { address, seen } = await startEcho()
    const lb = new LoadBalancer({ discovery: new StaticDiscovery({ service: [address] }) })
    onClose(() => lb.close())
    const certificate = newCertificate()
    const handler = proxy(lb, 'service')
    const port = await listen(createSecureServer({ ...certificate, allowHTTP1: true }, handler))
    await ask(sessionTo(`https://localhost:${port}`, { ca: certificate.cert }), {})
    expect(seen[0]?.headers).toMatchObject({ 'x-forwarded-proto': 'https', 'x-forwarded-host': `localhost:${port}` })
  })

  it('gives a sticky client its cookie once', async () => {
    const { address } = await startEcho()
    const lb = new LoadBalancer({ discovery: new StaticDiscovery({ service: [address] }), balancer: 'ring-hash' })
    onClose(() => lb.close())
    const handler = proxy(lb, 'service', { sticky: { cookie: 'lb', secret: 'sixteen characters' } })
    const session = sessionTo(`http://127.0.0.1:${await listen(createServer(handler))}`)
    const first = await ask(session, {})
    const cookie = String(first.headers['set-cookie']).split(';', 1)[0] ?? ''
    const second = await ask(session, { cookie: ['a=1', cookie] })
    expect([cookie.startsWith('lb='), second.headers['set-cookie']]).toEqual([true, undefined])
  })
})

it('a thousand random exchanges over HTTP/2 leave nothing behind', async () => {
  let state = 7
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) % below
  }
  const answers: readonly RequestListener[] = [
    (_request, response) => response.end('ok'),
    (_request, response: ServerResponse) => response.destroy(),
    (_request, response) => response.writeHead(200, { 'content-length': 9 }).write('half', () => response.destroy()),
    (request, response) => void request.resume().on('end', () => response.end('late')),
    (_request, response) => response.end(Buffer.alloc(100_000)),
    (_request, response) => response.writeEarlyHints({ link: '</a>; rel=preload' }, () => response.end('hinted')),
    (_request, response) => response.writeHead(503).end(),
  ]
  const instance = (): Promise<string> =>
    startInstance((request, response) => {
      request.on('error', () => {})
      answers[random(answers.length)]?.(request, response)
    })
  const gateway = await startHttp2([await instance(), await instance()])
  const { port } = gateway.server.address() as { port: number }
  for (let round = 0; round < 10; round++) {
    const session = sessionTo(`http://127.0.0.1:${port}`)
    await once(session, 'connect')
    await Promise.all(
      Array.from({ length: 100 }, async () => {
        const method = ['GET', 'POST', 'PUT', 'HEAD', 'DELETE'][random(5)] ?? 'GET'
        const stream = session.request({ ':method': method }, { endStream: method === 'GET' || method === 'HEAD' })
        const ended = responseOf(stream)
        const cut = random(6)
        if (!stream.writableEnded) stream.write('x'.repeat(random(70_000)))
        for (let turn = random(20); turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve))
        if (cut === 0) stream.close(constants.NGHTTP2_CANCEL)
        else if (cut === 1) stream.destroy()
        else if (!stream.writableEnded && !stream.closed) stream.end()
        await ended
      }),
    )
    if (round % 2 === 0) session.destroy()
    else session.close()
  }
  await quiet(gateway)
  const session = sessionTo(`http://127.0.0.1:${port}`)
  expect((await ask(session, { ':method': 'TRACE' })).status).toBe(405)
})
