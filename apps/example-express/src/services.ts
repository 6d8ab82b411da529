// Two services and a WebSocket echo on loopback, so that the gateway runs with no outside service.
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'

export interface Services {
  /** Addresses of the instances, by service. */
  readonly addresses: Readonly<Record<string, readonly string[]>>
  close(): void
}

export async function startServices(): Promise<Services> {
  const servers: Server[] = []
  const start = async (listener: RequestListener, prepare?: (server: Server) => void): Promise<string> => {
    const server = createServer(listener)
    prepare?.(server)
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return `127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  const answer =
    (id: string): RequestListener =>
    (request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
      // `?ms=500` takes half a second: to watch a shutdown wait for it.
      setTimeout(() => response.end(`${pathname} served by ${id}\n`), Number(searchParams.get('ms') ?? 0))
    }
  const echo = (server: Server): void => {
    new WebSocketServer({ server }).on('connection', (socket) => {
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
    })
  }
  return {
    addresses: {
      'user-service': [await start(answer('users 1')), await start(answer('users 2'))],
      'order-service': [await start(answer('orders 1')), await start(answer('orders 2'))],
      'echo-service': [await start(answer('echo'), echo)],
    },
    close: () => {
      for (const server of servers) {
        server.close()
        server.closeAllConnections()
      }
    },
  }
}
