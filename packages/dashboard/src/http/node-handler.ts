import type { Clock } from '@lb/core'
import type { EventStream } from '../events/event-stream.ts'
import { ApiError } from './api-error.ts'
import type { Exchange, Reply } from './exchange.ts'
import { bodyBrokeOff, bodyTimeoutMs, bodyTooLarge, bodyTooLate, maxBodyBytes } from './request-body.ts'

/** A request of `node:http`, `node:http2` or a framework on them, as far as it is read here. */
export interface NodeRequest {
  /** Its method. */
  readonly method?: string | undefined
  /** Path and query, as they are now. */
  url?: string | undefined
  /** Its headers. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** Listens to its body. */
  on(event: string, listener: (chunk: Uint8Array) => void): unknown
}

/** A response of `node:http`, `node:http2` or a framework on them, as far as it is written here. */
export interface NodeResponse {
  /** Its status. */
  statusCode: number
  /** Whether its head is sent. */
  readonly headersSent: boolean
  /** Whether its connection is gone. */
  readonly destroyed: boolean
  /** Sets a header. */
  setHeader(name: string, value: string): unknown
  /** Sends a part of the body; false: no more before `drain`. */
  write(chunk: string): boolean
  /** Sends the rest. */
  end(chunk?: string): unknown
  /** Ends the connection. */
  destroy(): unknown
  /** Listens to it. */
  on(event: string, listener: () => void): unknown
}

/** What a framework and its parsers put on a request. */
interface FrameworkFields {
  readonly originalUrl?: string
  readonly body?: unknown
  readonly readableDidRead?: boolean
}

/** `request` as an exchange. */
export function nodeExchange(request: NodeRequest & FrameworkFields, hasNext: boolean, clock: Clock): Exchange {
  const { method = 'GET', url = '/', headers } = request
  return {
    method,
    target: url,
    originalTarget: request.originalUrl ?? url,
    hasNext,
    header: (name) => {
      const value = headers[name]
      return typeof value === 'string' || value === undefined ? value : value[0]
    },
    body: () => nodeBody(request, clock),
    raw: request,
  }
}

function nodeBody(request: NodeRequest & FrameworkFields, clock: Clock): Promise<unknown> {
  // A parser before the dashboard has read it.
  if (request.body !== undefined && request.body !== null) return Promise.resolve(request.body)
  if (request.readableDidRead === true) {
    const message = 'A parser before the dashboard has read the body, and left nothing of it on request.body'
    return Promise.reject(new ApiError('BAD_REQUEST', message))
  }
  return new Promise((resolve, reject) => {
    const decoder = new TextDecoder()
    let text = ''
    let bytes = 0
    const fail = (error: ApiError): void => {
      cancel()
      reject(error)
    }
    const cancel = clock.setTimeout(() => fail(bodyTooLate()), bodyTimeoutMs, { background: true })
    request.on('data', (chunk: Uint8Array) => {
      bytes += chunk.byteLength
      if (bytes > maxBodyBytes) fail(bodyTooLarge())
      else text += decoder.decode(chunk, { stream: true })
    })
    request.on('end', () => {
      cancel()
      resolve(text)
    })
    request.on('error', () => fail(bodyBrokeOff()))
    request.on('close', () => fail(bodyBrokeOff()))
  })
}

/** How often it is looked whether the server of a stream is closing, in milliseconds. */
const lookMs = 1_000

/** How a reply is written. */
export interface WriteOptions {
  readonly isHead: boolean
  readonly clock: Clock
}

/** Writes `reply`, and its events as the client reads them. */
export function writeReply(
  response: NodeResponse,
  { status, headers, body }: Reply,
  { isHead, clock }: WriteOptions,
): void {
  response.on('error', () => {})
  if (response.headersSent || response.destroyed) {
    if (typeof body !== 'string') body.end()
    return
  }
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) {
    if (name !== 'connection' || isHttp1(response)) response.setHeader(name, value)
  }
  if (typeof body === 'string') response.end(isHead ? '' : body)
  else {
    pump(body, response)
    endWithServer(body, response, clock)
  }
}

function isHttp1(response: object): boolean {
  return !('stream' in response)
}

/** A server that stops accepting connections waits for its responses, and this one would never end. */
function endWithServer(stream: EventStream, response: NodeResponse, clock: Clock): void {
  if (stream.ended) return
  const { server } = Object(Reflect.get(response, 'socket') ?? undefined)
  if (server?.listening === false) stream.end()
  else clock.setTimeout(() => endWithServer(stream, response, clock), lookMs, { background: true })
}

function pump(stream: EventStream, response: NodeResponse): void {
  let isBlocked = false
  const write = (): void => {
    while (!isBlocked) {
      const chunk = stream.take()
      if (chunk === undefined) break
      isBlocked = !response.write(chunk)
    }
    if (!stream.ended) return
    if (stream.stalled) response.destroy()
    else response.end()
  }
  response.on('drain', () => {
    isBlocked = false
    write()
  })
  response.on('close', () => stream.end())
  stream.onReadable = write
  write()
}
