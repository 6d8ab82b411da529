import type { ServerResponse } from 'node:http'
import { breakOff } from './break-off.ts'
import type { ProxyError } from './proxy-error.ts'
import { endsConnection } from './refused-connection.ts'

/** Answers with the error as `application/problem+json` (RFC 9457). Destroys a response that has begun. */
export function sendProblem(response: ServerResponse, error: ProxyError): void {
  if (response.headersSent) {
    breakOff(response)
    return
  }
  const { status, title, message, headers } = error
  const body = JSON.stringify({ type: 'about:blank', title, status, detail: message })
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.setHeader('Content-Type', 'application/problem+json')
  response.setHeader('Content-Length', Buffer.byteLength(body))
  response.setHeader('Cache-Control', 'no-store')
  if (endsConnection(error)) response.setHeader('Connection', 'close')
  response.statusCode = status
  response.end(body)
}
