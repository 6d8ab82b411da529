// Random conversations with a gateway of several proxies, over raw connections: pipelined requests, upgrades and refusals, in
// pieces, and clients that go away. Runs in vitest and, compiled, on every Node that is supported.
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { type ProxyHandler, proxy, upgrades } from '@lb/express'

/** What one run found: `faults` is empty when all is well. */
export interface FuzzResult {
  /** Conversations in which a connection was neither answered nor closed, and what is left open. */
  readonly faults: readonly string[]
  /** How often each status, or `closed` without one, ended a conversation. */
  readonly ends: Readonly<Record<string, number>>
}

/** Milliseconds in which every connection has to be answered or closed. */
const limitMs = 20_000

/**
 * @param seed the same seed has the same conversations
 * @param conversations how many of them
 */
export async function fuzzGateway(seed: number, conversations: number): Promise<FuzzResult> {
  const random = seeded(seed)
  const closers: (() => unknown)[] = []
  try {
    const gateway = await startGateway(seed, closers)
    const ends: Record<string, number> = {}
    const faults: string[] = []
    const running = new Set<Promise<void>>()
    for (let index = 0; index < conversations; index++) {
      const talk = conversation(random)
      const ended = converse(gateway.port, talk).then((end) => {
        running.delete(ended)
        ends[end] = (ends[end] ?? 0) + 1
        if (end === 'open') faults.push(`neither answered nor closed: ${JSON.stringify(talk)}`)
      })
      running.add(ended)
      if (running.size >= 40) await Promise.race(running)
    }
    await Promise.all(running)
    faults.push(...(await gateway.leftOpen()))
    return { faults, ends }
  } finally {
    for (const close of closers.reverse()) await close()
  }
}

/** Mulberry32: numbers in [0, 1). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

async function listen(server: Server, closers: (() => unknown)[]): Promise<number> {
  const open = new Set<Duplex>()
  server.on('connection', (socket: Duplex) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket)).on('error', () => socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** An instance that answers late, at length, with interim answers, and takes or refuses upgrades. */
function startInstance(closers: (() => unknown)[]): Promise<number> {
  const server = createServer((request, response) => {
    request.resume()
    const path = request.url ?? ''
    if (path.includes('slow')) setTimeout(() => response.end('late'), 30)
    else if (path.includes('big')) response.end(Buffer.alloc(400_000, 'x'))
    else if (path.includes('hints')) {
      response.writeEarlyHints({ link: '</a>; rel=preload' })
      response.end('hinted')
    } else if (path.includes('broken')) {
      response.writeHead(200, { 'content-length': 9 }).write('half')
      setTimeout(() => response.destroy(), 5)
    } else response.end('ok')
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
    socket.on('error', () => socket.destroy())
    const path = request.url ?? ''
    if (path.includes('refused')) socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n')
    else if (path.includes('dead')) socket.destroy()
    else {
      const accept = (): unknown =>
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello')
      if (path.includes('slow')) setTimeout(accept, 30)
      else accept()
      socket.on('data', (chunk) => socket.write(chunk)).on('end', () => socket.end())
    }
  })
  return listen(server, closers)
}

async function startGateway(
  seed: number,
  closers: (() => unknown)[],
): Promise<{ port: number; leftOpen(): Promise<string[]> }> {
  const [one, other] = await Promise.all([startInstance(closers), startInstance(closers)])
  const addresses = [`127.0.0.1:${one}`, `127.0.0.1:${other}`]
  const lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: addresses, orders: addresses, nobody: [] }) })
  closers.push(() => lb.close())
  const proxies = [
    proxy(lb, 'users', { prefix: '/users' }),
    proxy(lb, 'nobody', { prefix: '/nobody' }),
    proxy(lb, 'orders', { prefix: '/api' }),
    proxy(lb, 'orders', { prefix: '/api/v2', upgrades: ['websocket', 'other'] }),
  ]
  const server = createServer((request, response) => {
    if (request.url === '/health') response.end('healthy')
    else route(proxies, request, response)
  })
  // One listener for all of them; one each; one each, beside one of somebody else's.
  if (seed % 3 === 0) upgrades(server, proxies)
  else for (const each of proxies) server.on('upgrade', each.upgrade)
  if (seed % 3 === 2) server.on('upgrade', takeOwn)
  const port = await listen(server, closers)
  return { port, leftOpen: () => leftOpen(server, lb) }
}

function route(
  proxies: readonly ProxyHandler[],
  request: IncomingMessage,
  response: Parameters<ProxyHandler>[1],
): void {
  const [first, ...rest] = proxies
  if (first === undefined) response.writeHead(404).end('not found')
  else first(request, response, () => route(rest, request, response))
}

/** What `ws` does with its own path. */
function takeOwn(request: IncomingMessage, socket: Duplex): void {
  if (request.url !== '/own') return
  socket.on('error', () => socket.destroy())
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  socket.on('data', (chunk) => socket.write(chunk)).on('end', () => socket.end())
}

/** Clients are gone: what still counts as open after a while is lost. */
async function leftOpen(server: Server, lb: LoadBalancer): Promise<string[]> {
  const found: string[] = []
  for (let waited = 0; waited < limitMs; waited += 50) {
    found.length = 0
    const connections = await new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)))
    if (connections > 0) found.push(`${connections} connections of clients are open`)
    for (const service of ['users', 'orders']) {
      const { inFlight } = lb.inspect(service)
      if (inFlight > 0) found.push(`${inFlight} requests to ${service} are in flight`)
    }
    if (found.length === 0) break
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return found
}

interface Conversation {
  /** What the client sends, in pieces. */
  readonly pieces: readonly string[]
  readonly end: 'wait' | 'half-close' | 'destroy' | 'does not read'
}

const paths = [
  '/health',
  '/nowhere',
  '/users/1',
  '/users/slow',
  '/users/big',
  '/users/hints',
  '/users/broken',
  '/nobody/1',
  '/api/1',
  '/api/v2/slow',
]
const upgradePaths = [
  '/users/ws',
  '/users/slow',
  '/users/refused',
  '/users/dead',
  '/users/../ws',
  '/api/v2/ws',
  '/nobody/ws',
  '/own',
  '/nowhere',
]

function conversation(random: () => number): Conversation {
  const one = <T,>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const length = Math.floor(random() * 4)
  let bytes = ''
  for (let index = 0; index < length; index++) {
    bytes += random() < 0.15 ? refused(one) : plain(one, random() < 0.4)
  }
  // The last one always ends the connection.
  bytes += random() < 0.7 ? upgrade(one, random) : `GET ${one(paths)} HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n`
  const pieces: string[] = []
  while (bytes !== '') {
    const at = random() < 0.6 ? bytes.length : 1 + Math.floor(random() * bytes.length)
    pieces.push(bytes.slice(0, at))
    bytes = bytes.slice(at)
  }
  return { pieces, end: one(['wait', 'wait', 'wait', 'half-close', 'destroy', 'does not read']) }
}

function plain(one: <T>(list: readonly T[]) => T, hasBody: boolean): string {
  if (!hasBody) return `${one(['GET', 'HEAD', 'DELETE'])} ${one(paths)} HTTP/1.1\r\nHost: gw\r\n\r\n`
  const body = one(['Content-Length: 5\r\n\r\nhello', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'])
  return `POST ${one(paths)} HTTP/1.1\r\nHost: gw\r\n${body}`
}

/** What ends the connection, or makes no sense. */
function refused(one: <T>(list: readonly T[]) => T): string {
  return one([
    'GET /users/../x HTTP/1.1\r\nHost: gw\r\n\r\n',
    'GET /users/1 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    'GET /users/1 HTTP/1.1\r\n\r\n',
    'POST /users/1 HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    'POST /users/1 HTTP/1.1\r\nHost: gw\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'CONNECT gw:443 HTTP/1.1\r\nHost: gw\r\n\r\n',
    'nonsense\r\n\r\n',
  ])
}

function upgrade(one: <T>(list: readonly T[]) => T, random: () => number): string {
  const protocol = random() < 0.6 ? 'websocket' : one(['h2c', 'TLS/1.2', 'other', 'websocket, h2c', 'WebSocket'])
  const method = random() < 0.8 ? 'GET' : 'POST'
  const body = one([
    '\r\n',
    '\r\n',
    '\r\nearly',
    'Content-Length: 5\r\n\r\nhello',
    'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'Content-Length: 5\r\nExpect: 100-continue\r\n\r\nhello',
  ])
  const host = random() < 0.95 ? 'Host: gw\r\n' : ''
  const version = random() < 0.95 ? '1.1' : '1.0'
  const close = protocol === 'websocket' ? '' : ', close'
  return `${method} ${one(upgradePaths)} HTTP/${version}\r\n${host}Connection: Upgrade${close}\r\nUpgrade: ${protocol}\r\n${body}`
}

/** The status that ended it, `closed`, or `open` when nothing did within the limit. */
function converse(port: number, { pieces, end }: Conversation): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let received = ''
    let outcome = 'closed'
    const timer = setTimeout(() => {
      if (!isTunnel(received)) outcome = 'open'
      socket.destroy()
    }, limitMs)
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      // A tunnel stays open until somebody ends it.
      if (isTunnel(received)) socket.end()
    })
    socket.on('close', () => {
      clearTimeout(timer)
      const statuses = Array.from(received.matchAll(/HTTP\/1\.1 (\d{3}) /g), ([, status]) => status)
      resolve(outcome === 'open' ? outcome : (statuses.at(-1) ?? outcome))
    })
    if (end === 'does not read') {
      socket.pause()
      setTimeout(() => socket.destroy(), 200)
    }
    if (end === 'destroy') setTimeout(() => socket.destroy(), 20)
    const send = (index: number): void => {
      const piece = pieces[index]
      if (piece === undefined) {
        if (end === 'half-close') socket.end()
      } else socket.write(piece, 'latin1', () => setImmediate(send, index + 1))
    }
    send(0)
  })
}

function isTunnel(received: string): boolean {
  return received.includes('HTTP/1.1 101 ')
}
