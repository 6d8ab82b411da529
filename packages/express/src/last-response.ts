import type { IncomingMessage, ServerResponse } from 'node:http'
import { refuseConnection } from './request.ts'

// The ESM and the CommonJS build may both serve one connection; a registered symbol is the same in both.
const lastResponseKey = Symbol.for('@lb/express.last-response')

/**
 * Makes `response` the last one of its connection: it says `Connection: close`, and Node closes the connection after it. Of pipelined
 * requests, the response to the last one says so. A request that comes after such a response was begun gets none, and the proxy does not
 * forward it (RFC 9112 section 9.6). HTTP/2 has no such header.
 */
export function endConnectionAfter(request: IncomingMessage, response: ServerResponse): void {
  if (request.httpVersionMajor > 1 || !response.shouldKeepAlive || response.headersSent) return
  const socket: { [lastResponseKey]?: ServerResponse } & object = Object(request.socket)
  const before = socket[lastResponseKey]
  if (before === response) return
  if (before?.headersSent === true) refuseConnection(request)
  else if (before !== undefined) before.shouldKeepAlive = true
  response.shouldKeepAlive = false
  socket[lastResponseKey] = response
}
