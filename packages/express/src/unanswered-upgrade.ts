import { type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { ProxyError, sendProblem } from './errors.ts'
import { headerLine } from './headers.ts'
import { mayLackFields, serverOf } from './request.ts'

/** Whether Node reads the body of a request for an upgrade; before 26 it is left on the connection. */
const bodiesAreRead = Number(process.versions.node.split('.', 1)[0]) >= 26

/** A response to a request for an upgrade. It ends the connection, which has no parser any more. */
export function responseTo(request: IncomingMessage): ServerResponse {
  const { socket } = request
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(socket)
  response.on('finish', () => {
    response.detachSocket(socket)
    // A connection that was given to the server may be any stream.
    const stream: Duplex & Partial<Pick<Socket, 'destroySoon'>> = socket
    if (stream.destroySoon === undefined) stream.end()
    else stream.destroySoon()
  })
  return response
}

export function refuseUpgrade(request: IncomingMessage, error: ProxyError): void {
  sendProblem(responseTo(request), error)
}

/** Serves a request as if it had not asked for an upgrade, which a server may (RFC 9110 section 7.8). */
export function serveWithoutUpgrade(request: IncomingMessage, head: Buffer): void {
  const server = serverOf(request)
  if (server === undefined || server.listenerCount('request') === 0) {
    refuseUpgrade(request, new ProxyError(404, 'There is nothing at this path.'))
  } else if (bodiesAreRead && hasBody(request)) {
    request.socket.on('end', () => request.socket.destroy())
    Object.assign(request, { upgrade: false })
    const response = responseTo(request)
    if (/^100-continue$/i.test(request.headers.expect ?? '')) response.writeContinue()
    server.emit('request', request, response)
  } else {
    readAgain(server, request, head)
  }
}

/** What is refused before anybody looks at the request: Node does so only when no upgrade is asked for. */
export function commonRefusal(request: IncomingMessage): ProxyError | undefined {
  if (mayLackFields(request)) return new ProxyError(431, 'The request has too many header fields.')
  const needsHost = request.httpVersion === '1.1' && serverOf(request)?.requireHostHeader !== false
  if (needsHost && request.headers.host === undefined) return new ProxyError(400, 'The Host field is missing.')
  return undefined
}

export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0
}

/** Gives the connection to the server once more, beginning with the same request, but without the field that asks for an upgrade. */
function readAgain(server: Server, request: IncomingMessage, head: Buffer): void {
  const { socket, method, url, httpVersion, rawHeaders } = request
  let header = `${method} ${url} HTTP/${httpVersion}\r\n`
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? ''
    if (name.toLowerCase() !== 'upgrade') header += headerLine(name, rawHeaders[index + 1] ?? '')
  }
  socket.unshift(Buffer.concat([Buffer.from(`${header}\r\n`, 'latin1'), head]))
  // The event of https, whose `connection` is that before TLS, and of http.
  server.emit(server.listenerCount('secureConnection') > 0 ? 'secureConnection' : 'connection', socket)
}
