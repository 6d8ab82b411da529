import type { ClientRequest } from 'node:http'
import { Duplex } from 'node:stream'
import type { InternalAxiosRequestConfig } from 'axios'
import { isAgent, noticing } from './agents.ts'

/** The head of a response, as it was received. */
export interface ResponseHead {
  readonly statusCode: number
  readonly statusText: string
  /** Names and values by turns. */
  readonly rawHeaders: readonly string[]
}

/** A response that leads elsewhere, which axios's own adapter is to follow. */
export interface RedirectResponse {
  readonly redirect: ResponseHead
}

/**
 * Makes axios's own adapter receive `head` as the response to `request`, which was sent already: what follows from the response stays
 * with the adapter, and nothing is sent twice. Later requests of the adapter go out as ever.
 */
export function replay(head: ResponseHead, request: InternalAxiosRequestConfig): void {
  let isReplayed = false
  const replaying = (agent: unknown): unknown => {
    if (!isAgent(agent)) return agent
    return noticing(agent, (sent) => {
      if (isReplayed) return false
      isReplayed = true
      connect(sent, new ReplayingConnection(head))
      return true
    })
  }
  request.httpAgent = replaying(request.httpAgent)
  request.httpsAgent = replaying(request.httpsAgent)
}

/** As an agent gives a request its connection. */
function connect(request: ClientRequest, connection: Duplex): void {
  const receiver: { onSocket(socket: Duplex): void } = Object(request)
  receiver.onSocket(connection)
}

/** A connection on which a response comes, whatever is sent. Of a socket it has what Node and axios ask for. */
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
