import { once } from 'node:events'
import {
  Agent,
  createServer,
  get,
  type IncomingMessage,
  type RequestListener,
  request,
  type ServerResponse,
} from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { FakeClock, unsharedPort } from '@lb/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { WebSocketServer } from 'ws'
import { type GracefulShutdownOptions, gracefulShutdown, healthEndpoint } from '../src/index.ts'
import { closeAll, deferred, onClose, startEcho, startGateway } from './support.ts'
import { openWebSocket, startWebSocketEcho } from './web-sockets.ts'

afterEach(async () => {
  await closeAll()
  vi.restoreAllMocks()
})

/** No signals, so that the tests do not end their process. */
const byCall = { signals: [] } as const

async function listening(server: ReturnType<typeof createServer>): Promise<number> {
  const port = await unsharedPort()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  onClose(() => {
    server.close()
    server.closeAllConnections()
  })
  return port
}

/** A server that is shut down by a call, on a virtual clock. */
async function serve(listener: RequestListener, options: GracefulShutdownOptions = {}) {
  const clock = new FakeClock()
  const errors: unknown[] = []
  const server = createServer({ keepAliveTimeout: 60_000 }, listener)
  const port = await listening(server)
  const onError = (error: unknown): unknown => errors.push(error)
  const shutDown = gracefulShutdown(server, { ...byCall, clock, onError, ...options })
  return { clock, errors, server, port, shutDown }
}

interface Answer {
  readonly status: number | undefined
  readonly connection: string | undefined
  readonly body: string
}

function ask(port: number, agent: Agent, path = '/'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = get({ port, host: '127.0.0.1', agent, path }, (response) => {
      let body = ''
      response.setEncoding('latin1').on('data', (chunk: string) => {
        body += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode, connection: response.headers.connection, body }))
    })
    sent.on('error', reject)
  })
}

function keepAlive(): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onClose(() => agent.destroy())
  return agent
}

describe('gracefulShutdown', () => {
  it('takes its steps in order, each when the one before is done', async () => {
    const steps: string[] = []
    const health = healthEndpoint()
    const lb = new LoadBalancer({ discovery: new StaticDiscovery({}) })
    lb.subscribe(({ type }) => steps.push(`lb ${type}`))
    const deregistered = deferred()
    const { clock, server, shutDown, errors } = await serve((_request, response) => response.end(), {
      health,
      lb,
      registrations: {
        deregister: () => {
          steps.push(`deregister, draining: ${health.draining}`)
          return deregistered.promise
        },
      },
      onStopping: () => steps.push('onStopping'),
      onClosed: () => steps.push('onClosed'),
    })
    const done = shutDown()
    expect(shutDown()).toBe(done)
    await clock.advance(2_900)
    expect([steps, server.listening]).toEqual([['deregister, draining: true'], true])
    deregistered.resolve()
    await clock.advance(4_999)
    expect([steps.length, server.listening]).toEqual([1, true])
    await clock.advance(1)
    await done
    expect(server.listening).toBe(false)
    expect(steps.slice(1)).toEqual(['onStopping', 'lb closed', 'onClosed'])
    expect([errors, clock.pendingTimers]).toEqual([[], 0])
  })

  it('while it drains, busy connections are served, and end with their next response', async () => {
    const { clock, port, shutDown } = await serve((_request, response) => response.end('ok'))
    const [busy, idle] = [keepAlive(), keepAlive()]
    expect((await ask(port, busy)).connection).toBe('keep-alive')
    await ask(port, idle)
    const done = shutDown()
    await clock.advance(0)
    expect(await ask(port, busy)).toEqual({ status: 200, connection: 'close', body: 'ok' })
    expect(await ask(port, busy)).toEqual({ status: 200, connection: 'close', body: 'ok' })
    await clock.advance(5_000)
    await done
    await expect(ask(port, busy)).rejects.toThrow('ECONNREFUSED')
  })

  it('requests in flight finish, and say that their connection ends', async () => {
    const response = deferred<ServerResponse>()
    const { clock, errors, port, shutDown } = await serve((_request, each) => response.resolve(each))
    const answer = ask(port, keepAlive())
    const open = await response.promise
    const done = shutDown()
    await clock.advance(14_999)
    open.end('late')
    expect(await answer).toEqual({ status: 200, connection: 'close', body: 'late' })
    await done
    expect([errors, clock.pendingTimers]).toEqual([[], 0])
  })

  it('of pipelined requests, each gets its response, and the last one ends the connection', async () => {
    const waiting: ServerResponse[] = []
    const { clock, port, shutDown } = await serve((_request, each) => waiting.push(each))
    const socket = connect(port, '127.0.0.1')
    let received = ''
    socket.on('data', (chunk) => {
      received += String(chunk)
    })
    const bytes = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n'
    socket.write(bytes + bytes)
    await vi.waitFor(() => expect(waiting).toHaveLength(2))
    const done = shutDown()
    await clock.advance(0)
    socket.write(bytes)
    await vi.waitFor(() => expect(waiting).toHaveLength(3))
    const closed = once(socket, 'close')
    for (const [index, each] of waiting.entries()) each.end(`body ${index}`)
    await closed
    expect(received.match(/Connection: \S+|body \d/g)).toEqual([
      'Connection: keep-alive',
      'body 0',
      'Connection: keep-alive',
      'body 1',
      'Connection: close',
      'body 2',
    ])
    await clock.advance(5_000)
    await done
  })

  it('destroys what is in flight for longer than drainMs, and says how much', async () => {
    const asked = deferred()
    const { clock, errors, port, shutDown } = await serve(() => asked.resolve(), { drainMs: 700, noticeMs: 0 })
    const answer = ask(port, keepAlive()).catch((error: unknown) => error)
    await asked.promise
    const done = shutDown()
    await clock.advance(1)
    await clock.advance(700)
    await done
    expect(await answer).toMatchObject({ code: 'ECONNRESET' })
    expect(errors).toMatchObject([
      { code: 'LB_DEADLINE_EXCEEDED', message: expect.stringContaining('1 request still') },
    ])
  })

  it('does not wait for a connection on which nothing came', async () => {
    const { clock, port, shutDown } = await serve((_request, response) => response.end(), { noticeMs: 10 })
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    const closed = once(socket, 'close')
    const done = shutDown()
    await clock.advance(10)
    await closed
    await done
  })

  it('does not wait for the next request after a response that says keep-alive', async () => {
    const response = deferred<ServerResponse>()
    const { clock, port, shutDown } = await serve((_request, each) => response.resolve(each), { noticeMs: 10 })
    const answer = ask(port, keepAlive())
    const open = await response.promise
    const done = shutDown()
    await clock.advance(10)
    open.writeHead(200, { Connection: 'keep-alive' }).end('x')
    expect(await answer).toEqual({ status: 200, connection: 'keep-alive', body: 'x' })
    await done
  })

  it('what fails or hangs in one step does not stop the others', async () => {
    const onClosed = vi.fn<() => void>()
    const lb = new LoadBalancer({ discovery: { getInstances: async () => [], close: () => new Promise(() => {}) } })
    const { clock, errors, server, shutDown } = await serve((_request, response) => response.end(), {
      health: {
        drain: () => {
          throw new Error('health')
        },
      },
      registrations: [
        { deregister: async () => Promise.reject(new Error('registry')) },
        { close: () => new Promise(() => {}) },
      ],
      lb,
      onStopping: () => {
        throw new Error('stopping')
      },
      onClosed,
    })
    const done = shutDown()
    for (let second = 0; second < 30; second++) await clock.advance(1_000)
    await done
    expect(server.listening).toBe(false)
    expect(onClosed).toHaveBeenCalledTimes(1)
    expect(errors.map((error) => (error as Error).message)).toEqual([
      'health',
      'registry',
      'gracefulShutdown: deregister was not done within 3000 ms',
      'stopping',
      expect.stringMatching(/lb\.close was not done/),
    ])
    await vi.waitFor(() => expect(clock.pendingForegroundTimers).toBe(0))
  })

  it('closes WebSockets of a proxy with 1001, those of the application by onStopping, others at the end', async () => {
    const { address } = await startWebSocketEcho()
    const { server, url, port } = await startGateway([address], { proxy: { prefix: '/echo' } })
    const own = new WebSocketServer({ noServer: true })
    server.on('upgrade', (message: IncomingMessage, socket: Socket, head: Buffer) => {
      if (message.url === '/own') own.handleUpgrade(message, socket, head, () => {})
    })
    const clock = new FakeClock()
    const errors: unknown[] = []
    const shutDown = gracefulShutdown(server, {
      ...byCall,
      clock,
      noticeMs: 0,
      onError: (error) => errors.push(error),
      onStopping: () => {
        for (const each of own.clients) each.close(1012)
      },
    })
    // What the listener of connections missed: the gateway listened before.
    const sockets = await Promise.all(['/echo', '/own'].map((path) => openWebSocket(url + path)))
    const raw = connect(port, '127.0.0.1')
    raw.write(
      'GET /own HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n',
    )
    raw.write('Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n')
    await once(raw, 'data')
    const codes = Promise.all(sockets.map(async (socket) => (await once(socket, 'close'))[0] as number))
    const cut = once(raw, 'close')
    const done = shutDown()
    await clock.advance(0)
    expect(await codes).toEqual([1001, 1012])
    await clock.advance(10_000)
    await Promise.all([cut, done])
    expect(errors).toEqual([])
  })

  it('sessions of HTTP/2 finish their streams and take no more', async () => {
    const server = createHttp2Server()
    const waiting = deferred<{ end(body: string): unknown }>()
    server.on('request', (_request, response) => waiting.resolve(response))
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
    })
    const clock = new FakeClock()
    const shutDown = gracefulShutdown(server, { ...byCall, clock, noticeMs: 0 })
    const client = connectHttp2(`http://127.0.0.1:${port}`)
    onClose(() => client.destroy())
    const stream = client.request({ ':path': '/' })
    let body = ''
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk
    })
    const response = await waiting.promise
    const closed = once(client, 'close')
    const done = shutDown()
    await clock.advance(1)
    response.end('late')
    await Promise.all([closed, done])
    expect(body).toBe('late')
    expect(clock.pendingTimers).toBe(0)
  })

  it('requests of HTTP/2 that were aborted are not in flight', async () => {
    for (const method of ['GET', 'HEAD']) {
      const server = createHttp2Server()
      const came = deferred<{ stream: Duplex }>()
      server.on('request', (_request, response) => came.resolve(response))
      const port = await new Promise<number>((resolve) => {
        server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
      })
      const clock = new FakeClock()
      const onError = vi.fn()
      const shutDown = gracefulShutdown(server, { ...byCall, clock, noticeMs: 0, onError })
      const client = connectHttp2(`http://127.0.0.1:${port}`).on('error', () => {})
      const aborted = client.request({ ':method': method }).on('error', () => {})
      const { stream } = await came.promise
      aborted.close(8)
      await once(stream, 'close')
      const done = shutDown()
      await clock.advance(20_000)
      await done
      expect(onError).not.toHaveBeenCalled()
    }
  })

  it('several servers are one shutdown', async () => {
    const servers = [createServer(), createServer()]
    for (const each of servers) await listening(each)
    const clock = new FakeClock()
    const done = gracefulShutdown(servers, { ...byCall, clock, noticeMs: 0 })()
    await clock.advance(0)
    await done
    expect(servers.map((each) => each.listening)).toEqual([false, false])
  })
})

describe('signals', () => {
  it('the first one shuts down, and the process ends soon after; the second one ends it at once', async () => {
    const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never)
    const { clock, shutDown } = await serve((_request, response) => response.end(), { signals: ['SIGUSR2'] })
    process.emit('SIGUSR2', 'SIGUSR2')
    await clock.advance(4_000)
    expect(exit).not.toHaveBeenCalled()
    process.emit('SIGUSR2', 'SIGUSR2')
    expect(exit.mock.calls).toEqual([[140]])
    await clock.advance(1_000)
    await shutDown()
    await clock.advance(999)
    expect(exit).toHaveBeenCalledTimes(1)
    await clock.advance(1)
    expect(exit.mock.calls).toEqual([[140], []])
    expect([process.listenerCount('SIGUSR2'), clock.pendingForegroundTimers]).toEqual([0, 0])
  })

  it.each([['SIGUSR2'], []] as const)(
    'the process outlives the shutdown of each of its servers, signals %o',
    async (...signals) => {
      const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never)
      const first = await serve((_request, response) => response.end(), { signals: ['SIGUSR2'], noticeMs: 0 })
      const second = await serve((_request, response) => response.end(), { signals, noticeMs: 60_000 })
      if (signals.length === 0) void second.shutDown()
      process.emit('SIGUSR2', 'SIGUSR2')
      await first.clock.advance(0)
      await first.shutDown()
      await first.clock.advance(5_000)
      expect(exit).not.toHaveBeenCalled()
      await second.clock.advance(60_000)
      await second.shutDown()
      await first.clock.advance(1_000)
      expect(exit).toHaveBeenCalled()
    },
  )

  it('without onError, what fails is a warning of the process', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const { clock, shutDown } = await serve((_request, response) => response.end(), {
      noticeMs: 0,
      onError: undefined,
      onClosed: () => {
        throw new Error('database')
      },
    })
    const done = shutDown()
    await clock.advance(0)
    await done
    expect(warn).toHaveBeenCalledWith(expect.objectContaining({ message: 'database' }))
  })
})

describe('drain() of the health endpoint alone', () => {
  it('makes every response that passes through it end its connection', async () => {
    const health = healthEndpoint()
    const server = createServer((message, response) => health(message, response, () => response.end('ok')))
    const port = await listening(server)
    const agent = keepAlive()
    expect((await ask(port, agent)).connection).toBe('keep-alive')
    health.drain()
    expect((await ask(port, agent)).connection).toBe('close')
    expect(await ask(port, agent, '/health')).toMatchObject({ status: 503, connection: 'close' })
  })

  it('carries out nothing that comes after a response that said so', async () => {
    const { address, seen } = await startEcho()
    const { handler, server, port } = await startGateway([address])
    const urls: string[] = []
    const health = healthEndpoint()
    server.removeAllListeners('request').on('request', (message: IncomingMessage, response: ServerResponse) =>
      health(message, response, () => {
        urls.push(message.url ?? '')
        if (message.url === '/slow') response.writeHead(200).write('begun')
        else handler(message, response)
      }),
    )
    health.drain()
    const sent = request({ port, host: '127.0.0.1', path: '/slow', agent: keepAlive() }).on('error', () => {})
    sent.end()
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    const { socket } = response
    socket.write('POST /pay HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n')
    await vi.waitFor(() => expect(urls).toEqual(['/slow', '/pay']))
    // The next connection shows that the instance would have had it by now.
    const other = keepAlive()
    expect((await ask(port, other, '/other')).status).toBe(200)
    expect(seen.map(({ url }) => url)).toEqual(['/other'])
    socket.destroy()
  })
})

describe('bad arguments are refused by name', () => {
  it.each([
    [() => gracefulShutdown({} as never), 'gracefulShutdown.server'],
    [() => gracefulShutdown(createServer(), { helth: {} } as never), 'gracefulShutdown.helth'],
    [() => gracefulShutdown(createServer(), { health: {} as never }), 'gracefulShutdown.health'],
    [() => gracefulShutdown(createServer(), { lb: {} as never }), 'gracefulShutdown.lb'],
    [() => gracefulShutdown(createServer(), { registrations: [{}] as never }), 'gracefulShutdown.registrations'],
    [() => gracefulShutdown(createServer(), { noticeMs: -1 }), 'gracefulShutdown.noticeMs'],
    [() => gracefulShutdown(createServer(), { drainMs: Number.NaN }), 'gracefulShutdown.drainMs'],
    [() => gracefulShutdown(createServer(), { signals: ['TERM' as never] }), 'gracefulShutdown.signals'],
    [() => gracefulShutdown(createServer(), { signals: ['SIGTREM' as never] }), 'gracefulShutdown.signals'],
    [() => gracefulShutdown(createServer(), { signals: ['SIGKILL'] }), 'gracefulShutdown.signals'],
    [() => gracefulShutdown(createServer(), { signals: 'SIGTERM' as never }), 'gracefulShutdown.signals'],
    [() => gracefulShutdown(createServer(), { onClosed: 1 as never }), 'gracefulShutdown.onClosed'],
    [() => gracefulShutdown(createServer(), { clock: {} as never }), 'gracefulShutdown.clock'],
  ])('%#: %s', (call, option) => {
    expect(call).toThrow(expect.objectContaining({ option }) as Error)
  })
})
