import type { IncomingMessage } from 'node:http'
import type { ProxyError } from './proxy-error.ts'

// The ESM and the CommonJS build may both be loaded in one process; a registered symbol is the same in both.
const refused = Symbol.for('@lb/express.refused-connection')

/** Whether the connection ends with this error: what a refused client sends next cannot be told from the rest of its request. */
export function endsConnection({ status }: ProxyError): boolean {
  return status < 500 || status === 501 || status === 505
}

/** Notes that nothing more of the request's connection is carried out. */
export function refuseConnection({ socket }: IncomingMessage): void {
  Object.assign(socket, { [refused]: true })
}

/** Whether an earlier request of the same connection was refused. The connection is about to be closed. */
export function isConnectionRefused({ socket }: IncomingMessage): boolean {
  return (socket as { readonly [refused]?: boolean } | null)?.[refused] === true
}
