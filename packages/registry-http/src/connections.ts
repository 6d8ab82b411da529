import { Client } from 'undici'
import type { Connector } from './connector.ts'

/** A turn on a connection, or the wait for one. */
export interface Turn {
  /** The answer is complete: the connection is kept for the next request. */
  giveBack(): void
  /** The rest is not wanted: the connection is ended, or no longer waited for. */
  drop(): void
}

/**
 * The connections to one server. Each carries one request at a time. undici's own pool is not used, because it connects again at once after a
 * request was given up, and keeps those that wait for a connection when they are not wanted any more.
 */
export class Connections {
  readonly #origin: string
  readonly #connector: Connector
  readonly #limit: number
  readonly #open = new Set<Client>()
  /** The one that was used last is used first, so that the others end when they are not needed. */
  readonly #idle: Client[] = []
  readonly #waiting = new Set<(client: Client) => void>()

  constructor(origin: string, connector: Connector, limit: number) {
    this.#origin = origin
    this.#connector = connector
    this.#limit = limit
  }

  /** Calls `use` when there is a connection for it: at once, unless the limit is reached. */
  take(use: (client: Client) => void): Turn {
    let client: Client | undefined
    const begin = (given: Client): void => {
      client = given
      use(given)
    }
    const leave = (then: (client: Client) => void): void => {
      this.#waiting.delete(begin)
      const left = client
      client = undefined
      if (left !== undefined) then(left)
    }
    const free = this.#idle.pop() ?? (this.#open.size < this.#limit ? this.#make() : undefined)
    if (free === undefined) this.#waiting.add(begin)
    else begin(free)
    return {
      giveBack: () => leave((left) => this.#pass(left)),
      drop: () => leave((left) => this.#end(left)),
    }
  }

  async close(cause: Error): Promise<void> {
    this.#waiting.clear()
    await Promise.all(Array.from(this.#open, (client) => client.destroy(cause)))
  }

  #make(): Client {
    // Time limits are those of the injected clock.
    const limits = { headersTimeout: 0, bodyTimeout: 0 }
    const client = new Client(this.#origin, { pipelining: 1, connect: this.#connector.connect, ...limits })
    client.on('disconnect', () => {
      const index = this.#idle.indexOf(client)
      if (index === -1) return
      this.#idle.splice(index, 1)
      this.#end(client)
    })
    this.#open.add(client)
    return client
  }

  #pass(client: Client): void {
    const next = this.#nextWaiting()
    if (next === undefined) this.#idle.push(client)
    else next(client)
  }

  #end(client: Client): void {
    this.#open.delete(client)
    client.destroy(new Error('the request was given up')).catch(() => {})
    this.#nextWaiting()?.(this.#make())
  }

  #nextWaiting(): ((client: Client) => void) | undefined {
    const [next] = this.#waiting
    if (next !== undefined) this.#waiting.delete(next)
    return next
  }
}
