import type { Dispatcher } from 'undici'
import type { Connections, Turn } from './connections.ts'

/** What is asked of a server, ready to be sent. */
export interface PreparedRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** With the query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
}

export interface AnswerHead {
  readonly status: number
  /** Names in lower case; of a repeated one the first. */
  readonly headers: ReadonlyMap<string, string>
}

/** With more than this waiting to be read, the server is made to wait. */
const pauseAboveBytes = 65_536

/** One request to one server, and its answer piece by piece. */
export class Exchange {
  /** Whether anything was sent, so that the server may have carried the request out. */
  wasSent = false
  readonly #turn: Turn
  #controller: Dispatcher.DispatchController | undefined
  #head: AnswerHead | undefined
  #pieces: Buffer[] = []
  #waitingBytes = 0
  #isComplete = false
  /** What the connection broke with: what came before is still read. */
  #broken: { readonly cause: unknown } | undefined
  /** What this side ended it with: nothing is read any more. */
  #ended: { readonly cause: unknown } | undefined
  #wake: () => void = () => {}

  constructor(connections: Connections, request: PreparedRequest) {
    this.#turn = connections.take((client) => client.dispatch({ ...request }, this.#handler()))
  }

  /** @throws what the connection broke with, or the cause of `end` */
  async head(): Promise<AnswerHead> {
    for (;;) {
      if (this.#ended !== undefined) throw this.#ended.cause
      if (this.#head !== undefined) return this.#head
      if (this.#broken !== undefined) throw this.#broken.cause
      await this.#change()
    }
  }

  /** What came of the body since the last time; waits until something does. `undefined`: that was all. @throws as `head` does */
  async read(): Promise<Buffer | undefined> {
    for (;;) {
      if (this.#ended !== undefined) throw this.#ended.cause
      if (this.#pieces.length > 0) return this.#take()
      if (this.#isComplete) return undefined
      if (this.#broken !== undefined) throw this.#broken.cause
      await this.#change()
    }
  }

  /** Ends the exchange, unless its answer is complete. Its promises reject with `cause`. */
  end(cause: unknown): void {
    if (this.#ended !== undefined) return
    this.#ended = { cause }
    this.#pieces = []
    this.#turn.drop()
    this.#wake()
  }

  #take(): Buffer {
    const all = this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces)
    this.#pieces = []
    this.#waitingBytes = 0
    this.#controller?.resume()
    return all
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  #handler(): Dispatcher.DispatchHandler {
    return {
      onRequestStart: (controller) => {
        this.#controller = controller
        this.wasSent = true
      },
      onResponseStart: (_controller, status, headers) => {
        // 1xx comes before the answer.
        if (status < 200) return
        this.#head = { status, headers: firstOfEach(headers) }
        this.#wake()
      },
      onResponseData: (controller, piece) => {
        this.#pieces.push(piece)
        this.#waitingBytes += piece.length
        if (this.#waitingBytes > pauseAboveBytes) controller.pause()
        this.#wake()
      },
      onResponseEnd: () => {
        this.#isComplete = true
        this.#turn.giveBack()
        this.#wake()
      },
      onResponseError: (_controller, cause) => {
        this.#broken = { cause }
        this.#wake()
      },
    }
  }
}

function firstOfEach(headers: Record<string, string | string[] | undefined>): ReadonlyMap<string, string> {
  const first = new Map<string, string>()
  for (const [name, value] of Object.entries(headers)) {
    const text = Array.isArray(value) ? value[0] : value
    if (text !== undefined) first.set(name, text)
  }
  return first
}
