import type { IncomingMessage, Server } from 'node:http'

/** Entries, names and values, of a request's header that Node keeps unless `maxHeadersCount` of the server says otherwise. */
const defaultHeaderEntries = 2_000

/** The server that a request came to, as Node notes it on the connection. */
export function serverOf({ socket }: { readonly socket: unknown }): HttpServer | undefined {
  const { server }: { readonly server?: HttpServer } = Object(socket)
  return server
}

/** `requireHostHeader` is an option that Node keeps on the server. */
type HttpServer = Server & { readonly requireHostHeader?: boolean }

/** Whether Node may have dropped header fields of `request`, which is one of HTTP/1: older versions do so without a word, newer ones refuse with 431. */
export function mayLackFields(request: IncomingMessage): boolean {
  const maxHeadersCount = serverOf(request)?.maxHeadersCount
  const limit = typeof maxHeadersCount === 'number' ? maxHeadersCount * 2 : defaultHeaderEntries
  return request.rawHeaders.length >= limit && limit > 0
}
