import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** What a `ProxiedConnection` asks before each thing it does. */
export interface Faults {
  readonly connect: () => Socket
  /** Resolves when bytes, ends and errors may pass. */
  readonly mayFlow: () => Promise<void>
  readonly inSingleBytes: () => boolean
  readonly fromClient: (bytes: Buffer) => Buffer
  /** `offset`: how many bytes of the server the connection had before. */
  readonly fromServer: (bytes: Buffer, offset: number) => Buffer
  /** How the connection ends after so many bytes of the server, if it does. */
  readonly endAfter: (bytes: number) => 'end' | 'reset' | undefined
}

// Held bytes are limited as in the buffers of a system.
const maxHeldBytes = 256 * 1024

/** A connection of a client, and the one to the server that belongs to it. */
export class ProxiedConnection {
  readonly #client: Socket
  readonly #faults: Faults
  #server: Socket | undefined
  #isOver = false
  #clientHasEnded = false
  /** When both are closed. */
  readonly done: Promise<void>

  constructor(client: Socket, faults: Faults) {
    this.#client = client
    this.#faults = faults
    this.done = this.#closed()
    client.setNoDelay(true)
    this.#relayClient(client)
  }

  /** False as soon as the client has ended or reset its side, whether that is passed on or not. */
  get isOpen(): boolean {
    return !this.#clientHasEnded && !this.#isOver
  }

  reset(): void {
    this.#isOver = true
    for (const socket of [this.#client, this.#server]) if (socket?.destroyed === false) socket.resetAndDestroy()
  }

  #relayClient(client: Socket): void {
    const opened = this.#relay(client, async (bytes) => {
      if (this.#server !== undefined) await this.#write(this.#server, this.#faults.fromClient(bytes))
    })
    for (const event of ['end', 'error', 'close']) {
      client.once(event, () => {
        this.#clientHasEnded = true
      })
    }
    opened(() => {
      this.#server = this.#faults.connect()
      this.#relayServer(this.#server)
    })
    client.once('end', () => opened(() => this.#server?.end()))
  }

  #relayServer(server: Socket): void {
    let offset = 0
    const next = this.#relay(server, async (bytes) => {
      await this.#write(this.#client, this.#faults.fromServer(bytes, offset))
      offset += bytes.length
      const ending = this.#faults.endAfter(offset)
      if (ending !== undefined) this.#cut(ending)
    })
    server.once('end', () => next(() => this.#client.end()))
  }

  /** Passes data on, one step after the other, and returns what adds a further step. */
  #relay(from: Socket, pass: (bytes: Buffer) => Promise<void>): (step: () => unknown) => void {
    let held = 0
    let last: Promise<unknown> = Promise.resolve()
    const next = (step: () => unknown): void => {
      last = last
        .then(() => this.#mayFlow())
        .then(step)
        .catch(() => this.#fail())
    }
    from.on('data', (bytes: Buffer) => {
      held += bytes.length
      if (held > maxHeldBytes) from.pause()
      next(async () => {
        await pass(bytes)
        held -= bytes.length
        from.resume()
      })
    })
    from.on('error', () => next(() => this.#fail()))
    return next
  }

  async #write(to: Socket, bytes: Buffer): Promise<void> {
    const isSingle = this.#faults.inSingleBytes()
    const pieces = isSingle ? Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)) : [bytes]
    for (const piece of pieces) {
      if (piece.length > 0 && !to.write(piece) && !to.destroyed) await once(to, 'drain')
      if (isSingle) await nextTurn()
      await this.#mayFlow()
    }
  }

  async #mayFlow(): Promise<void> {
    await this.#faults.mayFlow()
    if (this.#isOver) throw new Error('the connection is over')
  }

  #cut(by: 'end' | 'reset'): void {
    if (by === 'reset') {
      this.reset()
      return
    }
    this.#isOver = true
    this.#server?.destroy()
    // After what was written.
    this.#client.destroySoon()
  }

  #fail(): void {
    if (!this.#isOver) this.reset()
  }

  async #closed(): Promise<void> {
    await new Promise((resolve) => this.#client.once('close', resolve))
    const server = this.#server
    if (server !== undefined && !server.closed) await new Promise((resolve) => server.once('close', resolve))
  }
}
