import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'

export interface HttpRequest {
  readonly method: string
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON, unless it is a text. */
  readonly body?: unknown
  /** The certificate authority, and for servers that ask for them the certificate and key of the client; all PEM. */
  readonly tls?: { readonly ca: string; readonly cert?: string; readonly key?: string }
}

/** An answer of a server that is not 2xx. */
export class HttpStatusError extends Error {
  override readonly name: string = 'HttpStatusError'
  readonly status: number
  readonly body: string

  constructor(request: HttpRequest, status: number, body: string) {
    super(`${request.method} ${request.url}: ${status} ${body}`)
    this.status = status
    this.body = body
  }
}

// Servers that stand still answer never.
const timeoutMs = 10_000

/** The answer, parsed as JSON where it is JSON. On a connection of its own, which nothing can have broken before. */
export async function exchange(request: HttpRequest): Promise<unknown> {
  const { method, url, body, headers = {}, tls = {} } = request
  const content = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
  const send = url.startsWith('https:') ? httpsRequest : httpRequest
  const outgoing = send(url, {
    ...tls,
    method,
    agent: false,
    signal: AbortSignal.timeout(timeoutMs),
    headers: { ...(content === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
  })
  outgoing.end(content)
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  const answer = await text(response)
  const status = response.statusCode ?? 0
  if (status < 200 || status > 299) throw new HttpStatusError(request, status, answer)
  return answer.startsWith('{') || answer.startsWith('[') ? JSON.parse(answer) : answer
}
