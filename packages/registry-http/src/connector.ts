import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import type { Clock } from '@lb/core'
import type { buildConnector } from 'undici'
import { type TlsOptions, type TlsSource, tlsConnectionOptions } from './tls.ts'

interface ConnectorOptions {
  readonly tls: TlsOptions | TlsSource
  /** Limit for a connection including the handshake of TLS. */
  readonly timeoutMs: number
  readonly clock: Clock
}

/** When the system begins to ask whether the other side is still there. */
const keepAliveAfterMs = 15_000

/** Makes the connections of a client. */
export class Connector {
  readonly #options: ConnectorOptions
  /** How to give up each connection that is being made. */
  readonly #pending = new Set<(cause: Error) => void>()

  constructor(options: ConnectorOptions) {
    this.#options = options
  }

  /** In the form undici wants. */
  readonly connect: buildConnector.connector = (target, callback) => {
    const { clock, timeoutMs } = this.#options
    let socket: Socket | undefined
    let isSettled = false
    const settle = (cause: Error | null): void => {
      if (isSettled) return
      isSettled = true
      cancelTimer()
      this.#pending.delete(settle)
      if (cause === null && socket !== undefined) {
        callback(null, socket)
        return
      }
      socket?.destroy()
      callback(cause ?? new Error('no connection'), null)
    }
    const cancelTimer = clock.setTimeout(() => settle(new Error(`not connected within ${timeoutMs} ms`)), timeoutMs, {
      background: true,
    })
    this.#pending.add(settle)
    const begin = (made: Socket): void => {
      socket = made
      // Also after it was given up: an error without a listener would end the process.
      made.on('error', settle)
      made.once(target.protocol === 'https:' ? 'secureConnect' : 'connect', () => settle(null))
      // A connection does not keep the process alive: the timers of those who wait for an answer do.
      Object.assign(made.unref(), { ref: () => made })
      made.setNoDelay(true).setKeepAlive(true, keepAliveAfterMs)
    }
    if (target.protocol !== 'https:') {
      begin(connectTcp(addressOf(target)))
      return
    }
    tlsConnectionOptions(this.#options.tls)
      .then((options) => {
        if (!isSettled) begin(connectTls({ ...tlsAddressOf(target), ...options }))
      })
      .catch(settle)
  }

  /** Gives up what is being connected. */
  close(cause: Error): void {
    for (const settle of this.#pending) settle(cause)
  }
}

function tlsAddressOf(target: buildConnector.Options): ConnectionOptions {
  const address = addressOf(target)
  const name = isIP(address.host) === 0 ? { servername: address.host } : {}
  return { ...address, ...name, ALPNProtocols: ['http/1.1'] }
}

function addressOf({ hostname, port, protocol }: buildConnector.Options): { host: string; port: number } {
  return { host: hostname, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) }
}
