import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server, Socket } from 'node:net'
import { setImmediate } from 'node:timers'
import { onExchangeEnd } from '../client-end.ts'
import { endConnectionAfter } from '../last-response.ts'
import { Tunnel } from '../tunnel.ts'

/** A server of `node:http`, `node:https` or `node:http2`. */
export type HttpServer = Server & { closeIdleConnections?(): void }

/** A session of HTTP/2. */
interface Session {
  close(): void
  destroy(): void
  once(event: 'close', listener: () => void): unknown
}

/** The connections of one server and the responses that are in flight on them. */
export class ServerConnections {
  readonly #server: HttpServer
  readonly #sockets = new Set<Socket>()
  readonly #sessions = new Set<Session>()
  readonly #inFlight = new Map<ServerResponse, IncomingMessage>()
  #isDraining = false
  #isStopping = false

  constructor(server: HttpServer) {
    this.#server = server
    // A server of TLS has a listener of its own; `connection` is that before TLS.
    const connection = server.listenerCount('secureConnection') > 0 ? 'secureConnection' : 'connection'
    server.prependListener(connection, (socket: Socket) => {
      // A connection may be given to the server again.
      if (this.#sockets.has(socket)) return
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    server.on('session', (session: Session) => {
      this.#sessions.add(session)
      session.once('close', () => this.#sessions.delete(session))
    })
    server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
      this.#inFlight.set(response, request)
      onExchangeEnd(request, response, () => this.#ended(response))
      if (this.#isDraining) endConnectionAfter(request, response)
    })
  }

  /** Responses that have not ended. */
  get inFlight(): number {
    return this.#inFlight.size
  }

  /** From now on, the response to the last request of each connection says `Connection: close`. */
  drain(): void {
    this.#isDraining = true
    for (const [response, request] of this.#inFlight) endConnectionAfter(request, response)
  }

  /** Accepts no more connections, and ends those that carry no request. Resolves when all have ended. */
  stop(): Promise<void> {
    this.#isStopping = true
    const ended = new Promise<void>((resolve) => {
      // An error: the server was not listening.
      this.#server.close(() => resolve())
    })
    // Older versions of Node leave them open.
    for (const session of this.#sessions) session.close()
    for (const socket of this.#sockets) {
      Tunnel.of(socket)?.end()
      // Nothing has come yet; Node would wait for a request.
      if (socket.bytesRead === 0) socket.destroy()
    }
    return ended
  }

  destroy(): void {
    for (const session of this.#sessions) session.destroy()
    for (const socket of this.#sockets) socket.destroy()
  }

  #ended(response: ServerResponse): void {
    this.#inFlight.delete(response)
    // The application may have said `Connection: keep-alive`.
    if (this.#isStopping) setImmediate(() => this.#server.closeIdleConnections?.())
  }
}
