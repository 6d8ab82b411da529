import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { http2Stream } from './http2.ts'

/**
 * Closes a connection when the client ends it: with the request for an upgrade Node stops to listen. What the client sends meanwhile waits
 * unread, and hides the end while it does. Gives the way to stop.
 */
export function closeWithClient(socket: Duplex): () => void {
  const onEnd = (): void => {
    socket.destroy()
  }
  socket.on('end', onEnd)
  return () => {
    socket.off('end', onEnd)
  }
}

/** Calls `onEnd` when the response was sent, or cannot be any more. */
export function onExchangeEnd(request: IncomingMessage, response: ServerResponse, onEnd: () => void): void {
  const stream = http2Stream(response)
  // Over HTTP/2 the response to a HEAD that was aborted has no 'close'.
  if (stream !== undefined) {
    stream.on('close', onEnd)
    return
  }
  response.on('close', onEnd)
  if (response.socket === null) onConnectionEnd(request, response, onEnd)
}

// The ESM and the CommonJS build may both serve one connection; a registered symbol is the same in both.
const waitingKey = Symbol.for('@lb/express.waiting-exchanges')

/**
 * Calls `onEnd` when the connection is closed. A response that waits for the one to an earlier request of its connection gets no event then.
 * One listener serves all of a connection: Node warns of more than ten.
 */
export function onConnectionEnd(request: IncomingMessage, response: ServerResponse, onEnd: () => void): void {
  const socket: Duplex & { [waitingKey]?: Set<() => void> } = request.socket
  let waiting = socket[waitingKey]
  if (waiting === undefined) {
    const all = new Set<() => void>()
    waiting = all
    socket[waitingKey] = all
    socket.once('close', () => {
      for (const end of all) end()
    })
  }
  const added = waiting.add(onEnd)
  response.on('close', () => added.delete(onEnd))
}

/** Why a request ends whose client has gone away. */
export function clientGone(): Error {
  return new DOMException('the client went away', 'AbortError')
}
