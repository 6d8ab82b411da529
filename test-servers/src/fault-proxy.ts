import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { freePort } from './free-port.ts'
import { type Faults, ProxiedConnection } from './proxied-connection.ts'

/** What becomes of bytes of the server; `offset`: how many of them the connection had before. */
export type Transform = (bytes: Buffer, offset: number) => Buffer

export interface FaultProxyOptions {
  /** Of the server behind. Default: 127.0.0.1. */
  readonly host?: string
  readonly port: number
}

interface Fault {
  readonly holds?: boolean
  readonly inSingleBytes?: boolean
  readonly transform?: Transform
  readonly cut?: { readonly at: number; readonly by: 'end' | 'reset' }
}

/**
 * A TCP proxy on 127.0.0.1 before a server, for what servers and networks do wrong. Each fault holds until the next one is
 * set, for connections that are open as well as for new ones, unless it says otherwise.
 */
export class FaultProxy {
  readonly port: number
  readonly #faults: Faults
  readonly #open = new Set<ProxiedConnection>()
  #listener: Server | undefined
  #fault: Fault = {}
  #waiting: (() => void)[] = []
  #connections = 0
  #bytesFromClients = 0
  #bytesFromServer = 0

  static async start({ host = '127.0.0.1', port }: FaultProxyOptions): Promise<FaultProxy> {
    return new FaultProxy({ host, port }, await listen(await freePort()))
  }

  private constructor(target: { readonly host: string; readonly port: number }, listener: Server) {
    this.port = (listener.address() as AddressInfo).port
    this.#faults = {
      connect: () => connect({ ...target, allowHalfOpen: true, noDelay: true }),
      mayFlow: () => this.#mayFlow(),
      inSingleBytes: () => this.#fault.inSingleBytes === true,
      fromClient: (bytes) => {
        this.#bytesFromClients += bytes.length
        return bytes
      },
      fromServer: (bytes, offset) => this.#altered(bytes, offset),
      endAfter: (bytes) => (this.#fault.cut && bytes >= this.#fault.cut.at ? this.#fault.cut.by : undefined),
    }
    this.#accept(listener)
  }

  /** Such as `127.0.0.1:4711`. */
  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  /** Connections so far; those that were refused are not among them. */
  get connections(): number {
    return this.#connections
  }

  /** Connections that clients have open now. */
  get openConnections(): number {
    return [...this.#open].filter((connection) => connection.isOpen).length
  }

  /** Passed on so far. */
  get bytesFromClients(): number {
    return this.#bytesFromClients
  }

  /** Before any fault; what is held does not count yet. */
  get bytesFromServer(): number {
    return this.#bytesFromServer
  }

  /** No fault any more: what was held goes on, new connections are accepted. */
  async pass(): Promise<void> {
    this.#set({})
    if (this.#listener === undefined) this.#accept(await listen(this.port))
  }

  /** New connections are refused; open ones go on. */
  refuse(): void {
    this.#listener?.close()
    this.#listener = undefined
  }

  /** Resets the connections that are open now. */
  reset(): void {
    for (const connection of this.#open) connection.reset()
  }

  /** Accepts, and passes nothing on in any direction: no bytes, no ends, no resets of the server. */
  blackHole(): void {
    this.#set({ holds: true })
  }

  /** Every byte is a write of its own, in both directions. */
  singleBytes(): void {
    this.#set({ inSingleBytes: true })
  }

  /** Every connection ends after `bytes` bytes from the server: in order, or with a reset. */
  cutAt(bytes: number, by: 'end' | 'reset' = 'end'): void {
    this.#set({ cut: { at: bytes, by } })
  }

  /** The byte at this offset of what the server sends on a connection arrives inverted. */
  corruptAt(index: number): void {
    this.transform((bytes, offset) => {
      const copy = Buffer.from(bytes)
      const byte = copy[index - offset]
      if (byte !== undefined) copy[index - offset] = byte ^ 0xff
      return copy
    })
  }

  /** Whatever `transform` makes of the bytes from the server. */
  transform(transform: Transform): void {
    this.#set({ transform })
  }

  async close(): Promise<void> {
    this.refuse()
    const ends = [...this.#open].map((connection) => connection.done)
    this.reset()
    await Promise.all(ends)
  }

  #accept(listener: Server): void {
    this.#listener = listener
    listener.on('connection', (client) => {
      this.#connections++
      const connection = new ProxiedConnection(client, this.#faults)
      this.#open.add(connection)
      void connection.done.then(() => this.#open.delete(connection))
    })
  }

  #set(fault: Fault): void {
    this.#fault = fault
    for (const goOn of this.#waiting.splice(0)) goOn()
  }

  async #mayFlow(): Promise<void> {
    while (this.#fault.holds === true) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  #altered(bytes: Buffer, offset: number): Buffer {
    this.#bytesFromServer += bytes.length
    const { cut, transform } = this.#fault
    if (transform !== undefined) return transform(bytes, offset)
    return cut === undefined ? bytes : bytes.subarray(0, Math.max(0, cut.at - offset))
  }
}

async function listen(port: number): Promise<Server> {
  const listener = createServer({ allowHalfOpen: true })
  listener.listen({ port, host: '127.0.0.1' })
  await once(listener, 'listening')
  return listener
}
