// The instances of the soak, in a process of their own. Those of `steady` leave the list first and finish their requests; those of
// `dying` are cut off, and leave the list a moment later.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { Applied, FromInstances } from './messages.ts'

const sizeEach = 3
const changeEveryMs = 700
/** Between the moment at which the gateway knows that an instance has left, and its end; or the other way round. */
const noticeMs = 300
const accepted = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'

interface Instance {
  readonly server: Server
  readonly sockets: Set<Socket>
}

const services: Readonly<Record<string, Instance[]>> = { steady: [], dying: [] }
let executed: Record<string, number> = {}
let version = 0
let applied = 0

function tell(message: FromInstances): void {
  process.send?.(message)
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url ?? ''
  request.resume()
  request.on('end', () => {
    if (request.method === 'POST') executed[path] = (executed[path] ?? 0) + 1
    if (path.includes('big')) response.end(Buffer.alloc(300_000, 'x'))
    else if (path.includes('slow')) setTimeout(() => response.end(path), 40)
    else if (path.includes('chunks')) {
      response.write('begun ')
      setTimeout(() => response.end(path), 5)
    } else response.end(path)
  })
}

/** A WebSocket that sends every frame back, and a greeting. */
function upgrade(_request: IncomingMessage, socket: Duplex): void {
  socket.on('error', () => socket.destroy())
  socket.write(Buffer.concat([Buffer.from(accepted), Buffer.from([0x81, 2]), Buffer.from('hi')]))
  socket.on('data', (chunk: Buffer) => socket.write(Buffer.concat([Buffer.from([0x82, 1]), chunk.subarray(0, 1)])))
  socket.on('end', () => socket.end())
}

async function start(): Promise<Instance> {
  const server = createServer(answer).on('upgrade', upgrade)
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, sockets }
}

/** Gives the version of the lists. */
function tellLists(): number {
  const addresses = (list: readonly Instance[]): string[] =>
    list.map(({ server }) => `127.0.0.1:${(server.address() as AddressInfo).port}`)
  version++
  tell({ lists: Object.fromEntries(Object.entries(services).map(([name, list]) => [name, addresses(list)])), version })
  return version
}

/** Connections that are idle close at once, the others with their last response; WebSockets are cut. */
async function finish({ server, sockets }: Instance): Promise<void> {
  server.close()
  await delay(1_000)
  for (const socket of sockets) socket.destroy()
}

function cut({ server, sockets }: Instance): void {
  server.close()
  for (const socket of sockets) socket.resetAndDestroy()
}

async function change(name: 'steady' | 'dying'): Promise<void> {
  const list = services[name] ?? []
  list.push(await start())
  const [gone] = list
  if (gone === undefined) return
  if (name === 'dying') {
    cut(gone)
    await delay(noticeMs)
  }
  list.shift()
  const told = tellLists()
  if (name === 'dying') return
  while (applied < told) await delay(10)
  await delay(noticeMs)
  await finish(gone)
}

for (const list of Object.values(services)) for (let index = 0; index < sizeEach; index++) list.push(await start())
tellLists()
setInterval(() => {
  tell({ executed })
  executed = {}
  void change('steady')
  void change('dying')
}, changeEveryMs)
process.on('message', (message: Applied) => {
  applied = message.applied
})
process.on('disconnect', () => process.exit())
