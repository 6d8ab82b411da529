import { createSocket, type Socket } from 'node:dgram'
import { type Clock, DiscoveryError } from '@lb/core'
import type { UdpPushOptions } from './options.ts'
import { readPushDatagram } from './push-datagram.ts'
import { TokenBucket } from './token-bucket.ts'

/** More datagrams than this are dropped unread: a flood of them becomes neither a flood of questions nor of acknowledgements. */
const datagramLimit = { burst: 50, perSecond: 20 }

/** One UDP socket for all services of a discovery. It keeps no process alive. */
export class PushReceiver {
  readonly #options: UdpPushOptions
  readonly #limit: TokenBucket
  readonly #listeners = new Map<string, Set<() => void>>()
  #listening: Promise<Socket> | undefined
  #socket: Socket | undefined

  constructor(options: UdpPushOptions, clock: Clock) {
    this.#options = options
    this.#limit = new TokenBucket(clock, datagramLimit)
  }

  /** Where servers are to send to, once it was opened; `undefined` before, and when it failed. */
  get address(): { readonly host: string; readonly port: number } | undefined {
    const socket = this.#socket
    return socket === undefined ? undefined : { host: this.#options.host, port: socket.address().port }
  }

  /** Begins to listen, unless it does. @throws DiscoveryError when the port cannot be had */
  async open(): Promise<void> {
    this.#listening ??= this.#listen()
    await this.#listening
  }

  /** Calls `onPush` when a server says that the service of that joined name may have changed, until the function given back is called. */
  listen(name: string, onPush: () => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set()
    // Wrapped, so that one function can listen twice.
    const entry = (): void => onPush()
    listeners.add(entry)
    this.#listeners.set(name, listeners)
    return () => {
      listeners.delete(entry)
      if (listeners.size === 0 && this.#listeners.get(name) === listeners) this.#listeners.delete(name)
    }
  }

  /** Resolves when the socket is closed. */
  async close(): Promise<void> {
    this.#listeners.clear()
    const socket = await this.#listening?.catch(() => undefined)
    if (socket === undefined || this.#socket === undefined) return
    this.#socket = undefined
    await new Promise<void>((resolve) => socket.close(() => resolve()))
  }

  #listen(): Promise<Socket> {
    const { port = 0 } = this.#options
    return new Promise((resolve, reject) => {
      const socket = createSocket('udp4')
      socket.unref()
      socket.on('error', (cause) => {
        const isOpen = this.#socket === socket
        if (isOpen) {
          // Pushes are only hints: the questions go on without them.
          this.#socket = undefined
          socket.close()
        }
        reject(new DiscoveryError(`UDP pushes cannot be received on port ${port}: ${cause.message}`, { cause }))
      })
      socket.on('message', (datagram, sender) => this.#receive(socket, datagram, sender))
      // `exclusive`: a worker of node:cluster would otherwise share the port with the other workers.
      socket.bind({ port, exclusive: true }, () => {
        this.#socket = socket
        resolve(socket)
      })
    })
  }

  #receive(socket: Socket, datagram: Buffer, sender: { readonly address: string; readonly port: number }): void {
    if (!this.#limit.take()) return
    const push = readPushDatagram(datagram)
    if (push === undefined) return
    const listeners = this.#listeners.get(push.name)
    if (listeners === undefined) return
    socket.send(push.acknowledgement, sender.port, sender.address, () => {})
    for (const listener of listeners) listener()
  }
}
