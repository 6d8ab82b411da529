import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'
import { setImmediate } from 'node:timers'
import type { Clock } from '@lb/core'
import { headerLine } from './headers.ts'

// A server of node:http2 gives requests and responses nearly the form that they have on node:http. What differs is here.

/** Turns of the event loop in which the last frame of a response is sent; more when the connection is full. */
const lastFrameTurns = 20
/** The codes of RST_STREAM (RFC 9113 section 7) that are used here. */
const [noError, internalError] = [0, 2]

/** Whether the request came over HTTP/2. */
export function isHttp2({ httpVersionMajor }: { readonly httpVersionMajor: number }): boolean {
  return httpVersionMajor === 2
}

/** The HTTP/2 stream of a request or response; `undefined` for one of HTTP/1. */
export function http2Stream(message: IncomingMessage | ServerResponse): ServerHttp2Stream | undefined {
  const { stream }: { readonly stream?: ServerHttp2Stream } = Object(message)
  return typeof stream?.respond === 'function' ? stream : undefined
}

/** Whether the client cannot get anything any more. */
export function isOver(response: ServerResponse): boolean {
  const stream = http2Stream(response)
  return stream === undefined ? response.destroyed : stream.destroyed || stream.closed
}

/** Whether the client went away in the middle of its request. Over HTTP/2 such a request ends like a whole one. */
export function isCutOff(request: IncomingMessage): boolean {
  return isHttp2(request) ? request.aborted : request.destroyed && !request.complete
}

/** Whether a request over HTTP/2 has, or may have, a body: it need not say its length. */
export function mayHaveBody(request: IncomingMessage): boolean {
  return http2Stream(request)?.endAfterHeaders !== true
}

/** Ends a stream so that the client cannot take what it has for the whole response. */
export function resetStream(stream: ServerHttp2Stream): void {
  if (!stream.destroyed) stream.close(internalError)
}

/**
 * Ends a request when its response is complete, and the client has not sent all of it: nothing reads the rest (RFC 9113 section 8.1). Node
 * would leave the stream open.
 */
export function endWithResponse(request: IncomingMessage, stream: ServerHttp2Stream): void {
  const end = (turns: number): void => {
    if (stream.destroyed || request.readableEnded) return
    // A reset would overtake the trailers.
    if (stream.state.localClose === 1) stream.close(noError)
    else if (turns > 0) setImmediate(end, turns - 1)
    else request.resume()
  }
  stream.once('finish', () => end(lastFrameTurns))
}

/**
 * Calls `onStalled` when the client has not gone on with its body for `idleTimeoutMs`, or up to twice as long, while it is waited for; on
 * HTTP/1 that is `requestTimeout` of the server.
 */
export function limitUpload(
  request: IncomingMessage,
  stream: ServerHttp2Stream,
  { clock, idleTimeoutMs }: { readonly clock: Clock; readonly idleTimeoutMs: number },
  onStalled: () => void,
): void {
  if (idleTimeoutMs === Number.POSITIVE_INFINITY || stream.endAfterHeaders) return
  let hasArrived = true
  let isListening = false
  const check = (): void => {
    if (request.readableEnded) return
    const isAwaited = request.readableFlowing === true
    if (isAwaited && !hasArrived) {
      onStalled()
      return
    }
    hasArrived = !isAwaited
    if (isAwaited && !isListening) {
      isListening = true
      request.on('data', () => (hasArrived = true))
    }
    cancel = clock.setTimeout(check, idleTimeoutMs)
  }
  let cancel = clock.setTimeout(check, idleTimeoutMs)
  stream.on('close', () => cancel())
}

/**
 * Fields as the compatibility API takes them: by name, repeated ones combined (RFC 9110 section 5.2), as it refuses some that are repeated.
 *
 * @param flat name, value, name, value …
 * @throws TypeError when a character cannot be sent
 */
export function combined(flat: readonly string[]): Map<string, string | string[]> {
  const fields = new Map<string, string | string[]>()
  for (let index = 0; index < flat.length; index += 2) {
    const name = (flat[index] ?? '').toLowerCase()
    const value = flat[index + 1] ?? ''
    headerLine(name, value)
    const before = fields.get(name)
    if (name === 'set-cookie') fields.set(name, before === undefined ? [value] : [before, value].flat())
    else if (before === undefined) fields.set(name, value)
    else if (before !== value) fields.set(name, `${String(before)}, ${value}`)
  }
  return fields
}

/**
 * Writes the head of a response over HTTP/2. What a middleware said stays, unless the instance says otherwise.
 *
 * @param flat name, value, name, value …
 * @throws when Node does not take it; nothing of it is left on `response` then
 */
export function writeHttp2Head(response: ServerResponse, statusCode: number, flat: readonly string[]): void {
  const fields = combined(flat)
  try {
    for (const [name, value] of fields) response.setHeader(name, value)
    response.writeHead(statusCode)
  } catch (error) {
    for (const name of fields.keys()) response.removeHeader(name)
    throw error
  }
}
