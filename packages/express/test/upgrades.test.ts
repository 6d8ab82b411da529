import { createServer } from 'node:http'
import { connect } from 'node:net'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { FakeClock } from '@lb/testing'
import express from 'express'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { WebSocketServer } from 'ws'
import { type ProxyHandler, type ProxyOptions, proxy, upgrades } from '../src/index.ts'
import { closeAll, exchangeBytes, listen, onClose, startEcho, startInstance, statuses } from './support.ts'
import { handshake, openWebSocket, startWebSocketEcho } from './web-sockets.ts'

afterEach(closeAll)

const upgradeField = 'Connection: Upgrade\r\nUpgrade'
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: gw.test\r\n\r\n`

/** How the proxies of a server come to hear of its upgrades. */
const registrations = {
  'upgrades()': (server, proxies) => upgrades(server, proxies),
  'a listener each': (server, proxies) => {
    for (const each of proxies) server.on('upgrade', each.upgrade)
  },
} satisfies Record<string, (server: ReturnType<typeof createServer>, proxies: ProxyHandler[]) => void>
type Registration = keyof typeof registrations

interface Gateway {
  readonly server: ReturnType<typeof createServer>
  readonly port: number
  readonly url: string
  readonly lb: LoadBalancer
}

const serviceOf = (prefix: string): string => `service${prefix.replaceAll('/', '-')}`

/** A server with one proxy to one service for each prefix, in this order; what is no proxy's is answered 404 `not here`. */
async function startGateway(
  prefixes: Readonly<Record<string, string>>,
  register: Registration = 'upgrades()',
  options: ProxyOptions = {},
): Promise<Gateway> {
  const discovery = new StaticDiscovery(
    Object.fromEntries(Object.entries(prefixes).map(([prefix, address]) => [serviceOf(prefix), [address]])),
  )
  const lb = new LoadBalancer({ discovery })
  onClose(() => lb.close())
  const proxies = Object.keys(prefixes).map((prefix) => proxy(lb, serviceOf(prefix), { ...options, prefix }))
  const server = createServer((request, response) => {
    const run = (index: number): void => {
      const handler = proxies[index]
      if (handler === undefined) response.writeHead(404).end('not here')
      else handler(request, response, () => run(index + 1))
    }
    run(0)
  })
  registrations[register](server, proxies)
  const port = await listen(server)
  return { server, port, url: `http://127.0.0.1:${port}`, lb }
}

describe.each(Object.keys(registrations) as Registration[])('several proxies by %s', (register) => {
  it('each take the upgrades of their path', async () => {
    const [chat, feed] = await Promise.all([startWebSocketEcho(), startWebSocketEcho()])
    const { url } = await startGateway({ '/chat': chat.address, '/feed': feed.address }, register)
    await Promise.all([openWebSocket(`${url}/chat/1`), openWebSocket(`${url}/feed/2`)])
    expect([chat.urls, feed.urls]).toEqual([['/1'], ['/2']])
  })

  it('the first with the path takes it, and no other', async () => {
    const [first, second] = await Promise.all([startWebSocketEcho(), startWebSocketEcho()])
    const { url, lb } = await startGateway({ '/api': first.address, '/api/v2': second.address }, register)
    const socket = await openWebSocket(`${url}/api/v2/ws`)
    expect([first.urls, second.urls]).toEqual([['/v2/ws'], []])
    expect(lb.inspect().map(({ inFlight }) => inFlight)).toEqual([1])
    socket.close()
  })

  it('at the path of none it is answered, and the connection ends', async () => {
    const { address, urls } = await startWebSocketEcho()
    const { port } = await startGateway({ '/chat': address, '/feed': address }, register)
    for (const path of ['/nowhere', '/chatter', '/']) {
      const received = await exchangeBytes(port, handshake(path), 10_000)
      expect(statuses(received)).toEqual([404])
      expect(received).toContain('application/problem+json')
    }
    expect(urls).toEqual([])
  })

  it('behind pipelined requests it waits for their responses', async () => {
    const { address } = await startWebSocketEcho()
    const slow = await startInstance((request, response) => {
      if (request.url === '/big') response.end(Buffer.alloc(3_000_000, 'x'))
      else setTimeout(() => response.end('late'), 20)
    })
    const { port } = await startGateway({ '/slow': slow, '/chat': address }, register)
    const ask = (bytes: string): Promise<string> => exchangeBytes(port, bytes, 500)
    expect(statuses(await ask(get('/slow/1') + handshake('/chat/1')))).toEqual([200, 101])
    const three = await ask(get('/slow/1') + get('/nowhere') + get('/slow/2') + handshake('/nowhere'))
    expect(statuses(three)).toEqual([200, 404, 200, 404])
    const big = await ask(get('/slow/big') + get('/slow/big') + handshake('/chat/1'))
    expect([statuses(big), big.length > 6_000_000]).toEqual([[200, 200, 101], true])
  })
})

describe('a protocol that is not passed on', () => {
  const post = (path: string, rest: string, protocol = 'h2c'): string =>
    `POST ${path} HTTP/1.1\r\nHost: gw.test\r\n${upgradeField}: ${protocol}\r\n${rest}`

  it.each(Object.keys(registrations) as Registration[])('is ignored, and the request served (%s)', async (register) => {
    const { address, seen } = await startEcho()
    const { port } = await startGateway({ '/api': address }, register)
    for (const protocol of ['h2c', 'TLS/1.2', 'websocket, h2c']) {
      const bytes = handshake('/api/a', protocol) + handshake('/nowhere', protocol) + handshake('/api/a', protocol)
      expect(statuses(await exchangeBytes(port, bytes, 500))).toEqual([200, 404, 200])
    }
    for (const each of seen) {
      expect(each).toMatchObject({ method: 'GET', url: '/a' })
      expect(each.headers).not.toHaveProperty('upgrade')
    }
  })

  it('is ignored with a body too, whatever its form, however it comes', async () => {
    const { address, seen } = await startEcho()
    const { port } = await startGateway({ '/api': address })
    const bodies = [
      ['Content-Length: 5\r\n\r\nhello'],
      ['Content-Length: 5\r\n\r\nhel', 'lo'],
      ['Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'],
      ['Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n', '2\r\nlo\r\n0\r\n\r\n'],
    ]
    for (const [first = '', ...rest] of bodies) {
      const received = await exchangeBytes(port, [post('/api/a', first), ...rest], 500)
      expect([statuses(received).at(-1), seen.pop()]).toMatchObject([200, { method: 'POST', url: '/a', body: 'hello' }])
    }
    const expecting = post('/api/a', 'Content-Length: 5\r\nExpect: 100-continue\r\n\r\nhello')
    expect(statuses(await exchangeBytes(port, expecting, 500))).toEqual([100, 200])
    expect(seen.pop()).toMatchObject({ body: 'hello' })
  })

  it('means nothing in HTTP/1.0', async () => {
    const { address, urls } = await startWebSocketEcho()
    const { port } = await startGateway({ '/api': address })
    expect(statuses(await exchangeBytes(port, handshake('/api/a').replace('/1.1', '/1.0'), 10_000))).toEqual([200])
    expect(urls).toEqual([])
  })

  it('does not change where a request ends', async () => {
    const { address, seen } = await startEcho()
    const { port } = await startGateway({ '/api': address })
    const hidden = 'POST /api/hidden HTTP/1.1\r\nHost: gw.test\r\nContent-Length: 0\r\n\r\n'
    const bytes = post('/api/a', `Content-Length: ${hidden.length}\r\n\r\n${hidden}`)
    expect(statuses(await exchangeBytes(port, bytes, 500)).at(-1)).toBe(200)
    expect(seen).toMatchObject([{ url: '/a', body: hidden }])
  })

  it('is 404 where the server serves nothing else', async () => {
    const { address } = await startEcho()
    const lb = new LoadBalancer({ discovery: new StaticDiscovery({ service: [address] }) })
    onClose(() => lb.close())
    const server = createServer()
    upgrades(server, [proxy(lb, 'service')])
    expect(statuses(await exchangeBytes(await listen(server), handshake('/', 'h2c'), 10_000))).toEqual([404])
  })
})

describe('beside upgrade listeners of somebody else’s', () => {
  it('each takes what is its own, and what nobody takes is refused after a while', async () => {
    const clock = new FakeClock()
    const { address, urls } = await startWebSocketEcho()
    const { port, url, server } = await startGateway({ '/chat': address }, 'upgrades()', { clock })
    const own = new WebSocketServer({ noServer: true })
    server.on('upgrade', (request, socket, head) => {
      if (request.url === '/own') own.handleUpgrade(request, socket, head, (client) => client.send('own'))
    })
    await Promise.all([openWebSocket(`${url}/chat/1`), openWebSocket(`${url}/own`)])
    expect(urls).toEqual(['/1'])
    const neither = exchangeBytes(port, handshake('/neither'), 10_000)
    await vi.waitFor(() => expect(clock.pendingTimers).toBeGreaterThan(0))
    await clock.advance(5_000)
    expect(statuses(await neither)).toEqual([404])
    own.close()
  })

  it.each(['before', 'after'])(
    'one that refuses all other paths, %s the proxies, leaves them in peace',
    async (when) => {
      const { address, urls } = await startWebSocketEcho()
      const { port, url, server } = await startGateway({ '/chat': address })
      const listeners = server.listeners('upgrade')
      if (when === 'before') server.removeAllListeners('upgrade')
      const own = new WebSocketServer({ server, path: '/own' })
      if (when === 'before') for (const each of listeners) server.on('upgrade', each as () => void)
      await openWebSocket(`${url}/own`)
      // That is how `ws` answers.
      expect(statuses(await exchangeBytes(port, handshake('/chat/1'), 10_000))).toEqual([400])
      expect(urls).toEqual([])
      own.close()
    },
  )
})

describe('upgrades()', () => {
  it('refuses what is no server and no proxy', () => {
    const server = createServer()
    expect(() => upgrades(undefined as never, [])).toThrow(/upgrades\.server/)
    expect(() => upgrades(express() as never, [])).toThrow(/upgrades\.server .* Give what listen\(\) returns/)
    expect(() => upgrades(server, [])).toThrow(/upgrades\.proxies/)
    expect(() => upgrades(server, [() => {}] as never)).toThrow(/upgrades\.proxies\[0\]/)
  })
})

describe('requests', () => {
  it.each([
    ['requests', get('/never/1') + get('/never/2'), 2],
    ['requests and an upgrade', get('/never/1') + get('/never/2') + handshake('/never/3'), 2],
    ['an upgrade', handshake('/never/1'), 1],
    ['an upgrade that is ignored', handshake('/never/1', 'h2c'), 1],
  ])('are given up when the client goes away: %s', async (_name, bytes, count) => {
    const never = createServer(() => {}).on('upgrade', () => {})
    const { port, lb } = await startGateway({ '/never': `127.0.0.1:${await listen(never)}` })
    const socket = connect(port, '127.0.0.1')
    socket.write(bytes)
    await vi.waitFor(() => expect(lb.inspect('service-never').inFlight).toBe(count))
    socket.destroy()
    await vi.waitFor(() => expect(lb.inspect('service-never').inFlight).toBe(0))
  })

  it('the connection ends with a response that breaks off while it waits for another', async () => {
    const waiting: (() => void)[] = []
    const instance = await startInstance((request, response) => {
      if (request.url === '/slow') waiting.push(() => response.end('late'))
      else response.writeHead(200, { 'content-length': 9 }).write('half', () => response.destroy())
    })
    const { port, lb } = await startGateway({ '/api': instance })
    const started = exchangeBytes(port, get('/api/slow') + get('/api/broken') + get('/api/slow'), 10_000)
    await vi.waitFor(() => expect(lb.inspect('service-api').instances[0]?.failed).toBe(1))
    for (const answer of waiting) answer()
    expect(statuses(await started)).toEqual([200])
  })
})
