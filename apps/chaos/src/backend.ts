// One instance of user-service, in a process of its own: backend.ts ID PORT. Tells its parent the port it listens on,
// and behaves as its parent says.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { gracefulShutdown } from '@lb/express'
import { type BackendBehaviour, type BackendMessage, baseLatencyMs, healthy } from './backend-behaviour.ts'
import { randomPort } from './random-port.ts'

const [, , id = 'backend', givenPort = '0'] = process.argv
const body = JSON.stringify({ servedBy: id, padding: 'x'.repeat(512) })
const resetAfterMs = 1
/** Two polls of the registry. */
const noticeMs = 500
let behaviour = healthy

/** Requests seen on each connection. */
const requestsOn = new WeakMap<Socket, number>()

function tell(message: BackendMessage): void {
  process.send?.(message)
}

function answer(response: ServerResponse): void {
  const status = Math.random() < behaviour.failureRatio ? 500 : 200
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length })
  if (!behaviour.resetsResponses) {
    response.end(body)
    return
  }
  const { socket } = response
  // A moment later, so that the caller has the headers and half of the body when it comes.
  response.write(body.slice(0, body.length / 2), () => setTimeout(() => socket?.resetAndDestroy(), resetAfterMs))
}

function handle(request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request
  const requests = (requestsOn.get(socket) ?? 0) + 1
  requestsOn.set(socket, requests)
  if (request.url === '/health') response.end(JSON.stringify({ status: 'ok' }))
  else if (behaviour.closesReused && requests > 1) socket.destroy()
  else setTimeout(() => answer(response), baseLatencyMs * behaviour.latencyFactor)
}

const server = createServer(handle)
server.on('listening', () => tell({ port: (server.address() as AddressInfo).port }))
server.on('error', (error: NodeJS.ErrnoException) => {
  // A port of the backend's own choice may be another's.
  if (givenPort !== '0' || error.code !== 'EADDRINUSE') throw error
  server.listen(randomPort(), '127.0.0.1')
})
server.listen(Number(givenPort) || randomPort(), '127.0.0.1')

process.on('message', (message) => {
  behaviour = message as BackendBehaviour
  tell({ behaves: true })
})
gracefulShutdown(server, {
  noticeMs,
  registrations: {
    deregister: async () => tell({ leaves: true }),
  },
  onClosed: () => process.disconnect?.(),
})
// Goes when its parent does, however that ends.
process.on('disconnect', () => process.exit())
