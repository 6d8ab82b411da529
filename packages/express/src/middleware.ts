import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'

/** What Express calls `next`; optional, so that a middleware can be the handler of a bare `node:http` server. */
export type Next = (error?: unknown) => void

/** A middleware of Express 4 and 5, and a handler of a bare `node:http` server. */
export type Middleware = (request: IncomingMessage, response: ServerResponse, next?: Next) => void

/** A middleware that serves HTTP/2 as well: also a handler of a bare server of `node:http2`. */
export interface Http2Middleware {
  (request: Http2ServerRequest, response: Http2ServerResponse, next?: Next): void
  (request: IncomingMessage, response: ServerResponse, next?: Next): void
}

/** What Express adds to a request, as far as it is read here; all of it is absent on a bare server. */
export interface MaybeExpressRequest extends IncomingMessage {
  /** The part of the path under which the middleware is mounted, which `url` no longer has. */
  readonly baseUrl?: string
  /** The path as the client sent it. */
  readonly originalUrl?: string
  /** What the parts of the path that have a name, or a wildcard, stand for. */
  readonly params?: Readonly<Record<string, unknown>>
  /** What a body parser made of the body, and the bytes where it was asked to keep them. */
  readonly body?: unknown
  readonly rawBody?: unknown
  readonly app?: { get?(name: string): unknown }
}
