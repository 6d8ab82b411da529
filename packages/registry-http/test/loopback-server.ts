import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net'
import { RegistryClient, type RegistryClientOptions } from '../src/index.ts'

const closings: (() => unknown)[] = []

/** Ends everything that was started, the last first. */
export async function closeAll(): Promise<void> {
  for (const close of closings.splice(0).reverse()) await close()
}

export function onClose(close: () => unknown): void {
  closings.push(close)
}

/** An HTTP server, and what was asked of it. */
export interface LoopbackServer {
  readonly url: string
  readonly asked: { method: string; url: string; headers: Record<string, unknown>; body: string }[]
  readonly server: Server
}

export async function startServer(answer: RequestListener): Promise<LoopbackServer> {
  const asked: LoopbackServer['asked'] = []
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      asked.push({ method, url, headers, body: Buffer.concat(pieces).toString() })
      answer(request, response)
    })
  })
  const port = await listen(server)
  onClose(() => server.closeAllConnections())
  return { url: `http://127.0.0.1:${port}`, asked, server }
}

/** A server that answers with these exact bytes, or whatever `onRequest` does. A fake: real servers do not send nonsense on demand. */
export async function startRawServer(
  onRequest: (socket: Socket) => void,
): Promise<{ url: string; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>()
  const server = createTcpServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    socket.once('data', () => {
      onRequest(socket)
      // Without a reader the end of the connection is not seen.
      socket.resume()
    })
  })
  const port = await listen(server)
  onClose(() => {
    for (const socket of sockets) socket.destroy()
  })
  return { url: `http://127.0.0.1:${port}`, sockets }
}

export async function listen(server: TcpServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onClose(() => new Promise((resolve) => server.close(resolve)))
  return (server.address() as AddressInfo).port
}

/** Where nobody listens: a port that no server is given by chance, as one that was just closed may be. */
export function deadUrl(): string {
  return 'http://127.0.0.1:1'
}

/** A client that asks `servers` in the order given. */
export function clientOf(servers: readonly string[], options: Partial<RegistryClientOptions> = {}): RegistryClient {
  const client = new RegistryClient({ owner: 'TestDiscovery', servers, random: () => 0.999, ...options })
  onClose(() => client.close())
  return client
}

export function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}
