import type { Agent, ClientRequest } from 'node:http'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { systemClock } from '@lb/core/authoring'

/**
 * How long a connection may take to be made, the handshake of TLS included, in milliseconds. Nothing was sent then, so that any request may
 * move on.
 */
export const connectTimeoutMs = 3_000

type ConnectingSocket = Socket & Partial<Pick<TLSSocket, 'encrypted'>> & { readonly secureConnecting?: boolean }

/** Ends `socket` with the error of a connection that took too long, as the operating system would word it, unless it is made in time. */
export function limitConnecting(socket: ConnectingSocket): void {
  if (!socket.connecting && socket.secureConnecting !== true) return
  const cancel = systemClock.setTimeout(() => {
    const phase = socket.connecting ? 'connection' : 'TLS handshake'
    const error = new Error(`connect ETIMEDOUT: no ${phase} within ${connectTimeoutMs} ms`)
    socket.destroy(Object.assign(error, { code: 'ETIMEDOUT', syscall: 'connect' }))
  }, connectTimeoutMs)
  socket.once(socket.encrypted === true ? 'secureConnect' : 'connect', cancel)
  socket.once('close', cancel)
}

const limited = new WeakMap<Agent, Agent>()

/** `agent`, whose connections are limited too. It is the caller's: it is looked through, not changed. */
export function withConnectionLimit<T extends Agent>(agent: T): T {
  const known = limited.get(agent)
  if (known !== undefined) return known as T
  const inner = agent as T & { addRequest(request: ClientRequest, ...rest: unknown[]): void }
  const made = Object.create(agent, {
    addRequest: {
      value: (request: ClientRequest, ...rest: unknown[]): void => {
        // Emitted for kept connections too, which are connected already.
        request.once('socket', limitConnecting)
        inner.addRequest(request, ...rest)
      },
    },
  }) as T
  limited.set(agent, made)
  return made
}
