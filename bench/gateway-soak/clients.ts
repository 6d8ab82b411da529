import { Agent, request } from 'node:http'
import { connect as connectHttp2, constants } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Found } from './found.ts'
import type { GatewayPorts } from './messages.ts'

/** What a client needs. */
interface ClientContext {
  readonly ports: GatewayPorts
  readonly random: () => number
  readonly found: Found
}

type Client = (context: ClientContext) => Promise<void>

/** Milliseconds in which every conversation has to end. */
const limitMs = 20_000

/** The conversations, of which the clients choose by chance. */
export const clients: Readonly<Record<string, Client>> = {
  'keep-alive': keepAlive,
  pipeline,
  'abort upload': (context) => leave(context, 'POST', false),
  'abort download': (context) => leave(context, 'GET', false),
  'half-close': (context) => leave(context, 'GET', true),
  upgrade,
  h2c,
  refused,
  'HTTP/2': http2,
}

function pick<T>(random: () => number, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)] as T
}

const kinds = ['plain', 'slow', 'chunks', 'big'] as const
const services = ['steady', 'dying'] as const

/** A response that a client waited for: no fault of its own, so a request to `steady` must succeed. */
function judge(found: Found, path: string, method: string, status: number | string, body: string): void {
  const own = path.slice(path.indexOf('/', 1))
  if (status !== 200) {
    if (path.startsWith('/steady')) found.fault(`${method} ${path}: ${status}`)
    return
  }
  const right = path.includes('big') ? body.length === 300_000 : body.endsWith(own)
  if (!right) found.fault(`${method} ${path}: got the body of another request, or not all of its own`)
  if (method === 'POST') found.confirmed.add(own)
}

async function keepAlive({ ports, random, found }: ClientContext): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (let count = 1 + Math.floor(random() * 4); count > 0; count--) {
    const method = pick(random, ['GET', 'POST'] as const)
    const path = found.nextPath(pick(random, services), pick(random, kinds))
    const { status, body } = await ask(ports.http, agent, method, path)
    judge(found, path, method, status, body)
  }
  agent.destroy()
}

function ask(
  port: number,
  agent: Agent,
  method: string,
  path: string,
): Promise<{ status: number | string; body: string }> {
  return new Promise((resolve) => {
    const sent = request({ port, host: '127.0.0.1', method, path, agent, timeout: limitMs }, (response) => {
      let body = ''
      response.setEncoding('latin1').on('data', (chunk: string) => {
        body += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
      response.on('error', (error) => resolve({ status: error.message, body }))
    })
    sent.on('timeout', () => sent.destroy(new Error('no response within 20 s')))
    sent.on('error', (error) => resolve({ status: error.message, body: '' }))
    sent.end(method === 'POST' ? 'x'.repeat(1_000) : undefined)
  })
}

/** Sends `bytes` and gives what came until the connection was closed. */
function exchange(port: number, bytes: string, act: (socket: Socket) => void = () => {}): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const chunks: Buffer[] = []
    const timer = setTimeout(() => {
      resolve(undefined)
      socket.destroy()
    }, limitMs)
    socket.on('error', () => {}).on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(Buffer.concat(chunks).toString('latin1'))
    })
    socket.write(bytes, 'latin1', () => act(socket))
  })
}

/** All responses come, in order. */
async function pipeline({ ports, random, found }: ClientContext): Promise<void> {
  const paths = Array.from({ length: 2 + Math.floor(random() * 4) }, () =>
    found.nextPath('steady', pick(random, ['plain', 'slow', 'chunks'])),
  )
  const bytes = paths.map((path, index) => {
    const close = index === paths.length - 1 ? 'Connection: close\r\n' : ''
    return `POST ${path} HTTP/1.1\r\nHost: gw\r\n${close}Content-Length: 2\r\n\r\nhi`
  })
  const received = await exchange(ports.http, bytes.join(''))
  const seen = Array.from((received ?? '').matchAll(/\/(?:plain|slow|chunks)-\d+/g), ([path]) => path)
  const own = paths.map((path) => path.slice('/steady'.length))
  if (seen.join() === own.join()) for (const each of own) found.confirmed.add(each)
  else found.fault(`pipelined ${own.join()}: got ${seen.join()}`)
}

/** A client that leaves in the middle. */
async function leave({ ports, random, found }: ClientContext, method: string, halfCloses: boolean): Promise<void> {
  const path = found.nextPath(pick(random, services), method === 'GET' ? 'big' : pick(random, kinds))
  const length = method === 'POST' ? 'Content-Length: 100000\r\n' : ''
  const received = await exchange(
    ports.http,
    `${method} ${path} HTTP/1.1\r\nHost: gw\r\n${length}\r\nbegun`,
    (socket) => {
      if (halfCloses) socket.end()
      else if (random() < 0.3) socket.resetAndDestroy()
      else setTimeout(() => socket.destroy(), random() * 60)
    },
  )
  if (received === undefined) found.fault(`${method} ${path}: neither answered nor closed`)
}

async function upgrade({ ports, random, found }: ClientContext): Promise<void> {
  const path = found.nextPath(pick(random, services), 'ws')
  const bytes = `GET ${path} HTTP/1.1\r\nHost: gw\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`
  const received = await exchange(ports.http, bytes, (socket) => {
    const sending = setInterval(() => socket.write(Buffer.from([0x82, 0x81, 0, 0, 0, 0, 1])), 10 + random() * 20)
    socket.on('close', () => clearInterval(sending)).on('end', () => socket.end())
    // Some stay until the gateway ends the tunnel, because its instance has left.
    if (random() < 0.3) return
    setTimeout(() => (random() < 0.5 ? socket.end() : socket.destroy()), random() * 500)
  })
  if (received === undefined) found.fault(`upgrade ${path}: neither answered nor closed`)
}

/** The protocol is ignored, and the request served. */
async function h2c({ ports, random, found }: ClientContext): Promise<void> {
  const path = found.nextPath('steady', pick(random, ['plain', 'slow', 'chunks']))
  const fields = 'Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n'
  const received = await exchange(
    ports.http,
    `POST ${path} HTTP/1.1\r\nHost: gw\r\n${fields}Content-Length: 2\r\n\r\nhi`,
  )
  const own = path.slice('/steady'.length)
  if (received?.startsWith('HTTP/1.1 200 ') === true && received.includes(own)) found.confirmed.add(own)
  else found.fault(`h2c ${path}: ${received?.slice(0, 40) ?? 'neither answered nor closed'}`)
}

/** What is refused, and what follows it, which is not carried out. */
async function refused({ ports, random, found }: ClientContext): Promise<void> {
  const path = found.nextPath('steady', 'plain')
  const bad = pick(random, [
    'GET /steady/../x HTTP/1.1\r\nHost: gw\r\n\r\n',
    'GET /steady/1 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    'POST /steady/1 HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    'nonsense\r\n\r\n',
  ])
  const received = await exchange(ports.http, `${bad}POST ${path} HTTP/1.1\r\nHost: gw\r\nContent-Length: 0\r\n\r\n`)
  if (received === undefined) found.fault('a refusal: the connection stays open')
  else if (received.includes('HTTP/1.1 200')) found.fault(`POST ${path} behind a refusal was carried out`)
}

/** Several streams of one session, of which some are reset. */
async function http2({ ports, random, found }: ClientContext): Promise<void> {
  const session = connectHttp2(`http://127.0.0.1:${ports.http2}`)
  session.on('error', () => {})
  const streams = Array.from({ length: 1 + Math.floor(random() * 5) }, async () => {
    const method = pick(random, ['GET', 'POST'] as const)
    const path = found.nextPath(pick(random, services), pick(random, kinds))
    const stream = session.request({ ':method': method, ':path': path }, { endStream: method === 'GET' })
    const isReset = random() < 0.3
    let [status, body] = [0, '']
    stream.on('response', (headers) => {
      status = headers[':status'] ?? 0
    })
    stream.setEncoding('latin1').on('data', (chunk: string) => {
      body += chunk
    })
    stream.on('error', () => {})
    if (method === 'POST') stream.end('hi')
    if (isReset) setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), random() * 60)
    const closed = new Promise<'closed'>((resolve) => stream.once('close', () => resolve('closed')))
    const ended = await Promise.race([closed, delay(limitMs, 'open' as const, { ref: false })])
    if (ended === 'open') found.fault(`HTTP/2 ${method} ${path}: neither answered nor closed`)
    else if (!isReset) judge(found, path, method, stream.rstCode === 0 ? status : `reset ${stream.rstCode}`, body)
  })
  await Promise.all(streams)
  if (random() < 0.5) session.destroy()
  else session.close()
}
