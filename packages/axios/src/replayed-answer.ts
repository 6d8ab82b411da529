import type { ClientRequest, Agent as HttpAgent } from 'node:http'
import { Duplex } from 'node:stream'

/** The head of an answer, as it was received. */
export interface AnswerHead {
  readonly statusCode: number
  readonly statusText: string
  /** Names and values by turns. */
  readonly rawHeaders: readonly string[]
}

type RequestOfAgent = ClientRequest & { onSocket(socket: Duplex): void }
type AddRequest = (this: unknown, request: RequestOfAgent, ...options: unknown[]) => void

/**
 * `agent`, except that its first request meets an answer that has arrived already: so what follows from the answer stays
 * with the transport whose agent it is, and nothing is sent twice.
 */
export function agentWithAnswer(agent: HttpAgent, head: AnswerHead): HttpAgent {
  let isFirst = true
  const addRequest: AddRequest = (request, ...options) => {
    if (isFirst) {
      isFirst = false
      request.onSocket(new AnsweredConnection(head))
    } else (agent as unknown as { addRequest: AddRequest }).addRequest.call(agent, request, ...options)
  }
  return Object.create(agent, { addRequest: { value: addRequest } }) as HttpAgent
}

/** A connection on which an answer comes, whatever is sent. */
class AnsweredConnection extends Duplex {
  readonly #head: AnswerHead
  #isAnswered = false

  constructor(head: AnswerHead) {
    super()
    this.#head = head
  }

  override _read(): void {}

  override _write(_chunk: unknown, _encoding: BufferEncoding, callback: () => void): void {
    callback()
    if (this.#isAnswered) return
    this.#isAnswered = true
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
