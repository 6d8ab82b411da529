import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { constants, createSecureServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { InvalidOptionError, RingHashBalancer, StaticDiscovery } from '@lb/core'
import { Agent, interceptors } from 'undici'
import { describe, expect, it } from 'vitest'
import { createFetch, loadBalanceInterceptor } from '../src/index.ts'
import { newCertificate } from './certificate.ts'
import { Fixture } from './fixture.ts'

async function listening(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ server: Server; address: string }> {
  const server = createServer(handle).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, address: `127.0.0.1:${(server.address() as AddressInfo).port}` }
}

describe('the interceptor', () => {
  it('refuses options that are wrong', () => {
    expect(() => loadBalanceInterceptor({} as never)).toThrow(InvalidOptionError)
    expect(() => createFetch({} as never)).toThrow(InvalidOptionError)
  })

  it.each([
    [{ hostHeader: 'client' }, 'loadBalanceInterceptor.hostHeader'],
    [{ hashKey: 'x' }, 'loadBalanceInterceptor.hashKey'],
    [{ hashkey: () => 'x' }, 'hashkey'],
  ])('refuses %o', async (options, named) => {
    await using fixture = await Fixture.start()
    expect(() => loadBalanceInterceptor(fixture.lb, options as never)).toThrow(named)
    expect(() => createFetch(fixture.lb, { dispatcher: {} as never })).toThrow('createFetch.dispatcher')
  })

  it.each(['http://user-service', 'HTTP://USER-SERVICE', 'lb://user-service', new URL('http://user-service/x')])(
    'takes %s for the service',
    async (origin) => {
      await using fixture = await Fixture.start({ lb: { services: { 'user-service': {} } } })
      const { body } = await fixture.request({ origin })
      await body.dump()
      await fixture.allDone(1)
    },
  )

  it('asks serviceOf once for each origin', async () => {
    const asked: string[] = []
    const serviceOf = (origin: URL): string | undefined => {
      asked.push(origin.origin)
      return origin.hostname.endsWith('.internal') ? 'user-service' : undefined
    }
    await using fixture = await Fixture.start({ options: { serviceOf } })
    for (let number = 0; number < 3; number++)
      await (await fixture.request({ origin: 'http://u.internal' })).body.dump()
    await (await fixture.request({ origin: fixture.backend.url })).body.dump()
    expect(asked).toEqual(['http://u.internal', fixture.backend.url])
    await fixture.allDone(3)
  })

  it('says the address of the instance as Host, or the name of the service, or what the caller says', async () => {
    await using fixture = await Fixture.start({ backends: 1 })
    const byName = fixture.agent.compose(loadBalanceInterceptor(fixture.lb, { hostHeader: 'service' }))
    const request = { origin: 'http://user-service', path: '/', method: 'GET' as const }
    await (await fixture.request()).body.dump()
    await (await byName.request(request)).body.dump()
    await (await byName.request({ ...request, headers: { a: 'b' } })).body.dump()
    await (await byName.request({ ...request, headers: ['a', 'b'] })).body.dump()
    await (await byName.request({ ...request, headers: { Host: 'mine' } })).body.dump()
    const hosts = [fixture.backend.address, 'user-service', 'user-service', 'user-service', 'mine']
    expect(fixture.requests.map(({ headers }) => headers.host)).toEqual(hosts)
  })

  it('keeps requests with the same key on one instance', async () => {
    const hashKey = ({ path }: { path: string }): string => path
    const lb = { balancer: () => new RingHashBalancer() } as never
    await using fixture = await Fixture.start({ backends: 3, options: { hashKey }, lb })
    for (let number = 0; number < 6; number++) await (await fixture.request({ path: '/42' })).body.dump()
    expect(fixture.backends.map(({ requests }) => requests.length).sort((a, b) => a - b)).toEqual([0, 0, 6])
  })

  it('repeats what the caller declares idempotent', async () => {
    await using fixture = await Fixture.start()
    fixture.backend.script = { status: 503 }
    const statuses = async (options: object): Promise<number[]> => {
      const responses = [await fixture.request(options), await fixture.request(options)]
      for (const { body } of responses) await body.dump()
      return responses.map(({ statusCode }) => statusCode).sort((a, b) => a - b)
    }
    expect(await statuses({ method: 'POST', body: 'x' })).toEqual([200, 503])
    expect(await statuses({ method: 'POST', body: 'x', idempotent: true })).toEqual([200, 200])
    expect(await statuses({ method: 'GET', idempotent: false })).toEqual([200, 503])
  })

  it.each(['hashKey', 'match', 'idempotent', 'criticality'])(
    'refuses a request whose %s is async, and handles what it rejects with',
    async (option) => {
      // An unhandled rejection fails the run.
      const rejecting = async (): Promise<never> => Promise.reject(new Error('no database'))
      await using fixture = await Fixture.start({ options: { [option]: rejecting } as never })
      await expect(fixture.request()).rejects.toMatchObject({
        code: 'LB_INVALID_OPTION',
        message: expect.stringMatching(new RegExp(`${option} must be .*, got a promise`)),
      })
    },
  )

  it('waits as long as Retry-After says when there is no other instance', async () => {
    await using fixture = await Fixture.start({ backends: 1 })
    fixture.backend.script = (_request, number) =>
      number === 1 ? { status: 503, headers: { 'retry-after': '3600' } } : {}
    // Longer than any call waits: the caller gets the answer.
    const response = await fixture.request()
    expect([response.statusCode, response.headers['retry-after']]).toEqual([503, '3600'])
    await response.body.dump()
  })

  it('takes the load that an instance reports', async () => {
    await using fixture = await Fixture.start({ backends: 1, lb: { loadReports: {} } as never })
    fixture.backend.script = { headers: { 'endpoint-load-metrics': 'TEXT cpu_utilization=0.5,rps_fractional=10' } }
    await (await fixture.request()).body.dump()
    await fixture.allDone(1)
  })

  it('passes the status text, headers and trailers on', async () => {
    const { server, address } = await listening((_request, response) => {
      response.writeHead(201, 'Made', { trailer: 'x-sum', 'set-cookie': ['a=1', 'b=2'] })
      response.write('one')
      response.addTrailers({ 'x-sum': '7' })
      response.end()
    })
    await using fixture = await Fixture.start({ lb: { discovery: new StaticDiscovery({ 'user-service': [address] }) } })
    const response = await fixture.request()
    expect([response.statusCode, response.headers['set-cookie']]).toEqual([201, ['a=1', 'b=2']])
    expect(await response.body.text()).toBe('one')
    expect(response.trailers).toEqual({ 'x-sum': '7' })
    server.closeAllConnections()
    server.close()
  })

  it.each([200, 404, 503])(
    'keeps the headers of a %d behind another lb and other interceptors that hold a response',
    async (status) => {
      await using fixture = await Fixture.start({ backends: 1, lb: { retry: false, outlierDetection: false } })
      fixture.backend.script = { status, body: 'hello', headers: { 'content-type': 'text/plain', 'x-mine': '1' } }
      const again = loadBalanceInterceptor(fixture.lb, { serviceOf: () => 'user-service' })
      const { dump, redirect, retry } = interceptors
      const dispatchers = [
        [again],
        [dump()],
        [retry({ maxRetries: 0, statusCodes: [] })],
        [redirect({ maxRedirections: 1 })],
        [again, dump()],
      ]
      for (const inner of dispatchers) {
        const dispatcher = fixture.agent.compose(...inner, loadBalanceInterceptor(fixture.lb))
        await using fetch = createFetch(fixture.lb, { dispatcher: fixture.agent.compose(...inner) })
        const response = await dispatcher.request({ origin: 'http://user-service', path: '/', method: 'GET' })
        const fetched = await fetch('http://user-service/')
        const expected = { 'content-type': 'text/plain', 'x-mine': '1', 'content-length': '5' }
        expect([response.statusCode, response.headers]).toEqual([status, expect.objectContaining(expected)])
        expect([fetched.status, Object.fromEntries(fetched.headers)]).toEqual([
          status,
          expect.objectContaining(expected),
        ])
        await Promise.all([response.body.dump(), fetched.text()])
      }
    },
  )

  it('passes early hints on', async () => {
    const { server, address } = await listening((_request, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' }, () => response.end('done'))
    })
    await using fixture = await Fixture.start({ lb: { discovery: new StaticDiscovery({ 'user-service': [address] }) } })
    const seen: number[] = []
    const response = await fixture.request({ onInfo: ({ statusCode }) => void seen.push(statusCode) })
    expect([await response.body.text(), seen]).toEqual(['done', [103]])
    server.closeAllConnections()
    server.close()
  })

  it('hands an upgraded connection over, and counts it until it is closed', async () => {
    const { server, address } = await listening((_request, response) => response.end())
    server.on('upgrade', (_request, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n')
      socket.pipe(socket)
    })
    await using fixture = await Fixture.start({ lb: { discovery: new StaticDiscovery({ 'user-service': [address] }) } })
    const { socket } = await fixture.dispatcher.upgrade({
      origin: 'http://user-service',
      path: '/',
      protocol: 'echo',
    } as never)
    socket.write('hello')
    expect(String((await once(socket, 'data'))[0])).toBe('hello')
    expect(fixture.lb.inspect('user-service').inFlight).toBe(1)
    socket.destroy()
    await fixture.allDone(1)
    server.closeAllConnections()
    server.close()
  })

  it('speaks HTTP/2 to a secure instance that does', async () => {
    const certificate = newCertificate()
    const secure = createSecureServer(certificate)
    secure.on('stream', (stream: ServerHttp2Stream) => {
      stream.respond({ ':status': 200 })
      stream.end('over h2')
    })
    secure.listen(0, '127.0.0.1')
    await once(secure, 'listening')
    const { port } = secure.address() as AddressInfo
    const discovery = new StaticDiscovery({ 'user-service': [{ host: '127.0.0.1', port, secure: true }] })
    const agent = new Agent({ allowH2: true, connect: { ca: certificate.cert } })
    await using fixture = await Fixture.start({ lb: { discovery } })
    const dispatcher = agent.compose(loadBalanceInterceptor(fixture.lb))
    const request = { origin: 'http://user-service', path: '/', method: 'GET' as const }
    expect(await (await dispatcher.request(request)).body.text()).toBe('over h2')
    await using fetch = createFetch(fixture.lb, { dispatcher: agent })
    expect(await (await fetch('http://user-service/')).text()).toBe('over h2')
    await fixture.allDone(2)
    await agent.destroy()
    secure.close()
  })

  it.each(['GET', 'POST'] as const)(
    'moves a %s on from an instance that refuses its HTTP/2 stream: it was never processed',
    async (method) => {
      const certificate = newCertificate()
      const servers = [true, false].map((refuses) => {
        const server = createSecureServer(certificate)
        server.on('stream', (stream: ServerHttp2Stream) => {
          stream.on('error', () => {})
          if (refuses) stream.close(constants.NGHTTP2_REFUSED_STREAM)
          else {
            stream.respond({ ':status': 200 })
            stream.end('good')
          }
        })
        return server.listen(0, '127.0.0.1')
      })
      await Promise.all(servers.map((server) => once(server, 'listening')))
      const instances = servers.map((server) => ({
        host: '127.0.0.1',
        port: (server.address() as AddressInfo).port,
        secure: true,
      }))
      const agent = new Agent({ allowH2: true, connect: { ca: certificate.cert } })
      await using fixture = await Fixture.start({
        backends: 0,
        lb: {
          discovery: new StaticDiscovery({ 'user-service': instances }),
          outlierDetection: false,
          retry: { backoffBaseMs: 1, budget: false },
        },
      })
      const dispatcher = agent.compose(loadBalanceInterceptor(fixture.lb))
      await using fetch = createFetch(fixture.lb, { dispatcher: agent })
      const body = method === 'POST' ? 'x' : undefined
      for (let number = 0; number < 4; number++) {
        const request = {
          origin: 'http://user-service',
          path: '/',
          method,
          ...(body === undefined ? undefined : { body }),
        }
        expect(await (await dispatcher.request(request)).body.text()).toBe('good')
        expect(await (await fetch('http://user-service/', { method, body: body ?? null })).text()).toBe('good')
      }
      await agent.destroy()
      for (const server of servers) server.close()
    },
  )
})
