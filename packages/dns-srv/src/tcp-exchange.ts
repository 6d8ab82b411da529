import { connect } from 'node:net'
import { DnsFailure } from './errors.ts'
import { type Exchange, exchanged } from './exchange.ts'
import { malformed } from './message-reader.ts'

const prefixBytes = 2
const headerBytes = 12

/** Sends the query over a connection of its own (RFC 7766) and collects the answer, in however small pieces it comes. */
export function exchangeOverTcp(exchange: Exchange): Promise<Buffer> {
  const { server, query, accepts, background } = exchange
  return exchanged(exchange, (resolve, reject) => {
    const socket = connect({ host: server.address, port: server.port, noDelay: true })
    if (background) socket.unref()
    const answer = new LengthPrefixedMessage()
    socket.on('error', (error) => reject(new DnsFailure('NETWORK', error.message, { cause: error })))
    socket.once('close', () => reject(new DnsFailure('NETWORK', 'the connection ended before the answer')))
    socket.on('data', (piece: Buffer) => {
      answer.add(piece)
      if (answer.isTooShort) reject(malformed('it is shorter than a header'))
      if (answer.complete === undefined) return
      // A connection cannot be forged from outside, so another answer than the one asked for is a mistake of the server.
      if (accepts(answer.complete)) resolve(answer.complete)
      else reject(malformed('it is not an answer to the question'))
    })
    const prefix = Buffer.alloc(prefixBytes)
    prefix.writeUInt16BE(query.length)
    socket.write(Buffer.concat([prefix, query]))
    return () => socket.destroy()
  })
}

/** Two bytes of length, then the message: at most 64 KB. What follows is not read. */
class LengthPrefixedMessage {
  readonly #prefix = Buffer.alloc(prefixBytes)
  #message: Buffer | undefined
  #received = 0

  add(piece: Buffer): void {
    let rest = piece
    if (this.#message === undefined) {
      const copied = rest.copy(this.#prefix, this.#received)
      this.#received += copied
      rest = rest.subarray(copied)
      if (this.#received < prefixBytes) return
      this.#message = Buffer.alloc(this.#prefix.readUInt16BE())
      this.#received = 0
    }
    this.#received += rest.copy(this.#message, this.#received)
  }

  get isTooShort(): boolean {
    return this.#message !== undefined && this.#message.length < headerBytes
  }

  get complete(): Buffer | undefined {
    return this.#message !== undefined && this.#received >= this.#message.length ? this.#message : undefined
  }
}
