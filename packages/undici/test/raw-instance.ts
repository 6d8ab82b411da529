import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'

/** An instance that writes what it is given, whatever that is. */
export class RawInstance implements AsyncDisposable {
  /** Requests so far. */
  requests = 0
  /** Connections that were closed. */
  closed = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(answer: (socket: Socket) => void) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.closed++
        this.#sockets.delete(socket)
      })
      socket.on('data', (data) => {
        if (!/^[A-Z]+ \//.test(data.toString('latin1'))) return
        this.requests++
        answer(socket)
      })
    })
  }

  static async start(answer: string | ((socket: Socket) => void)): Promise<RawInstance> {
    const instance = new RawInstance(typeof answer === 'string' ? (socket) => socket.write(answer) : answer)
    instance.#server.listen(0, '127.0.0.1')
    await once(instance.#server, 'listening')
    return instance
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
