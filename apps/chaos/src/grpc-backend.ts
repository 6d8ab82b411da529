// One instance of user-service over gRPC, in a process of its own: grpc-backend.ts ID PORT. As backend.ts, but for the protocol. It
// writes the frames itself: no server of a library breaks off in the middle of a response.
import { createServer, type Http2Session, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { type BackendBehaviour, type BackendMessage, baseLatencyMs, healthy } from './backend-behaviour.ts'
import { randomPort } from './random-port.ts'

const [, , id = 'backend', givenPort = '0'] = process.argv
const resetAfterMs = 1
/** Two polls of the registry. */
const noticeMs = 500
const unavailable = '14'
let behaviour = healthy

const sockets = new Map<number, Socket>()
const requestsOn = new WeakMap<Http2Session, number>()
const sessions = new Set<Http2Session>()

function tell(message: BackendMessage): void {
  process.send?.(message)
}

/** A message of a call: not compressed, its length, and the text. */
function frame(text: string): Buffer {
  const content = Buffer.from(text)
  const head = Buffer.alloc(5)
  head.writeUInt32BE(content.length, 1)
  return Buffer.concat([head, content])
}

function answer(stream: ServerHttp2Stream): void {
  if (stream.destroyed) return
  const head = { ':status': 200, 'content-type': 'application/grpc+proto' }
  if (Math.random() < behaviour.failureRatio) {
    stream.respond(
      { ...head, 'grpc-status': unavailable, 'grpc-message': 'half of the responses' },
      { endStream: true },
    )
    return
  }
  stream.respond(head, { waitForTrailers: true })
  if (!behaviour.resetsResponses) {
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.end(frame(id))
    return
  }
  const socket = sockets.get(stream.session?.socket.remotePort ?? 0)
  // A moment later, so that the caller has the head and a part of the message when it comes.
  stream.write(frame(id).subarray(0, 5))
  setTimeout(() => socket?.resetAndDestroy(), resetAfterMs)
}

function handle(stream: ServerHttp2Stream): void {
  // A connection that breaks off is no failure of the server's.
  stream.on('error', () => {})
  stream.resume()
  const { session } = stream
  if (session === undefined) return
  const requests = (requestsOn.get(session) ?? 0) + 1
  requestsOn.set(session, requests)
  if (behaviour.closesReused && requests > 1) sockets.get(session.socket.remotePort ?? 0)?.destroy()
  else setTimeout(() => answer(stream), baseLatencyMs * behaviour.latencyFactor)
}

const server = createServer()
server.on('stream', handle)
server.on('sessionError', () => {})
server.on('session', (session) => {
  sessions.add(session)
  session.on('close', () => sessions.delete(session))
})
server.on('connection', (socket: Socket) => {
  const { remotePort = 0 } = socket
  sockets.set(remotePort, socket)
  socket.on('error', () => {})
  socket.on('close', () => sockets.delete(remotePort))
})
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
process.once('SIGTERM', () => {
  tell({ leaves: true })
  setTimeout(() => {
    // Streams that are open end; then the connections do, and with them the server.
    server.close(() => process.disconnect?.())
    for (const session of sessions) session.close()
  }, noticeMs)
})
// Goes when its parent does, however that ends.
process.on('disconnect', () => process.exit())
