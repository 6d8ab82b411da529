import { connect } from 'node:net'
import type { HealthProbe } from '@lb/core'
import { authorityOf, checkInteger, checkKeys } from '@lb/core/authoring'

/** How instances are probed. */
export interface TcpProbeOptions {
  /** The port that is connected to. Default: the instance's. */
  readonly port?: number | undefined
}

/**
 * A health probe for servers that speak no HTTP: an instance that accepts a connection is healthy. The connection is
 * closed at once, without a byte sent; there is no TLS handshake.
 *
 *     new LoadBalancer({ discovery, healthCheck: { probe: tcpProbe() } })
 *
 * @throws InvalidOptionError
 */
export function tcpProbe(options: TcpProbeOptions = {}): HealthProbe {
  checkKeys('tcpProbe', options, ['port'])
  checkInteger('tcpProbe.port', options.port, 1, 65_535)
  return ({ host, port }, { signal }) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted()
      const target = options.port ?? port
      const socket = connect({ host, port: target })
      const abort = (): void => {
        socket.destroy()
        reject(signal.reason)
      }
      const end = (): void => {
        signal.removeEventListener('abort', abort)
        socket.destroy()
      }
      signal.addEventListener('abort', abort, { once: true })
      socket.once('connect', () => {
        end()
        resolve({ healthy: true, reason: `connected to ${authorityOf(host, target)}` })
      })
      // Not `once`: an error after the end must not be thrown.
      socket.on('error', (error) => {
        end()
        reject(error)
      })
    })
}
