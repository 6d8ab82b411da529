import { once } from 'node:events'
import { createServer } from 'node:http'
import { WebSocket, WebSocketServer } from 'ws'
import { listen, onClose } from './support.ts'

/** An instance that answers messages with themselves, and plain requests with `http`. */
export async function startWebSocketEcho(): Promise<{
  address: string
  urls: string[]
  headers: Record<string, unknown>[]
  /** The status with which each WebSocket was closed. */
  closeCodes: number[]
}> {
  const urls: string[] = []
  const headers: Record<string, unknown>[] = []
  const closeCodes: number[] = []
  const server = createServer((_request, response) => response.writeHead(200).end('http'))
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket, request) => {
    urls.push(request.url ?? '')
    headers.push(request.headers)
    socket.on('close', (code) => closeCodes.push(code))
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
  })
  onClose(() => sockets.close())
  return { address: `127.0.0.1:${await listen(server)}`, urls, headers, closeCodes }
}

export async function openWebSocket(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url.replace('http', 'ws'))
  onClose(() => socket.terminate())
  await once(socket, 'open')
  return socket
}

/** The bytes of a request for an upgrade. */
export function handshake(target: string, upgrade = 'websocket'): string {
  return `GET ${target} HTTP/1.1\r\nHost: gw.test\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`
}
