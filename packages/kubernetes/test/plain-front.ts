import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { connect } from 'node:tls'
import { unsharedPort } from '@lb/testing'

/** Takes TLS away in front of a server, so that a proxy can change single bytes of what it says. */
export class PlainFront {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  static async start(target: {
    readonly host: string
    readonly port: number
    readonly ca: string
  }): Promise<PlainFront> {
    const front = new PlainFront(target)
    front.#server.listen(await unsharedPort(), '127.0.0.1')
    await once(front.#server, 'listening')
    return front
  }

  private constructor(target: { readonly host: string; readonly port: number; readonly ca: string }) {
    // Of the first connection: a handshake with it costs a fraction, and there are thousands.
    let session: Buffer | undefined
    this.#server = createServer((client) => {
      const server = connect({ ...target, session, ALPNProtocols: ['http/1.1'] })
      server.on('session', (given) => {
        session ??= given
      })
      for (const [socket, other] of [
        [client, server],
        [server, client],
      ] as const) {
        this.#sockets.add(socket)
        socket.on('error', () => {})
        socket.on('close', () => {
          this.#sockets.delete(socket)
          other.destroy()
        })
        socket.pipe(other)
      }
    })
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}
