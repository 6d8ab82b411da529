import { Agent, type ClientRequestArgs } from 'node:http'
import { Duplex } from 'node:stream'

/** The head of a response, as it was received. */
export interface ResponseHead {
  readonly statusCode: number
  readonly statusText: string
  /** Names and values by turns. */
  readonly rawHeaders: readonly string[]
}

/**
 * An agent whose first connection has a response that has arrived already: so what follows from the response stays with the
 * transport whose agent it is, and nothing is sent twice. What is sent after that goes over connections of its own, until
 * `destroy()`.
 */
export class ReplayingAgent extends Agent {
  #head: ResponseHead | undefined

  constructor(head: ResponseHead) {
    super({ keepAlive: true })
    this.#head = head
  }

  override createConnection(
    options: ClientRequestArgs,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | null | undefined {
    const head = this.#head
    if (head === undefined) return super.createConnection(options, callback)
    this.#head = undefined
    return new ReplayingConnection(head)
  }

  override keepSocketAlive(stream: Duplex): boolean {
    // There is nothing at its other end. Node documents the boolean, its types do not know it.
    return !(stream instanceof ReplayingConnection) && (super.keepSocketAlive(stream) as unknown as boolean)
  }
}

/** A connection on which a response comes, whatever is sent. Of a socket it has what Node's agent asks for. */
class ReplayingConnection extends Duplex {
  readonly #head: ResponseHead
  #isReplayed = false

  constructor(head: ResponseHead) {
    super()
    this.#head = head
  }

  override _read(): void {}

  override _write(_chunk: unknown, _encoding: BufferEncoding, callback: () => void): void {
    callback()
    if (this.#isReplayed) return
    this.#isReplayed = true
    const { statusCode, statusText, rawHeaders } = this.#head
    let text = `HTTP/1.1 ${statusCode} ${statusText}\r\n`
    for (let i = 0; i < rawHeaders.length; i += 2) text += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`
    this.push(Buffer.from(`${text}\r\n`, 'latin1'))
  }

  setTimeout(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  setNoDelay(): this {
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }
}
