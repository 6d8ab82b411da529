import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { ConsulDiscovery, type ConsulDiscoveryOptions } from '../src/index.ts'

/** A question that came, with what it asks for. */
export interface Question {
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: IncomingMessage['headers']
  readonly body: string
  readonly response: ServerResponse
}

/** How a question is answered. Nothing: it stays open, until the test does something about it. */
export interface Answer {
  readonly status?: number
  readonly index?: string | number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

/**
 * No agent, but a server that answers to the byte what a test says: for sequences of answers that a real agent does not give on
 * demand.
 */
export class LoopbackAgent {
  readonly questions: Question[] = []
  onQuestion: (question: Question) => Answer | undefined = () => undefined
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  static async start(): Promise<LoopbackAgent> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new LoopbackAgent(server)
  }

  private constructor(server: Server) {
    this.#server = server
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const pieces: Buffer[] = []
      request.on('data', (piece: Buffer) => pieces.push(piece))
      request.on('end', () => this.#receive(request, Buffer.concat(pieces).toString(), response))
    })
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get openConnections(): number {
    return this.#sockets.size
  }

  /** The indexes that were asked with. */
  get indexes(): (string | undefined)[] {
    return this.questions.map(({ query }) => query.index)
  }

  /** These answers, one after the other; then every question stays open. */
  script(...answers: readonly Answer[]): void {
    let next = 0
    this.onQuestion = () => answers[next++]
  }

  /** Answers the question that stayed open last. */
  answer(answer: Answer): void {
    const question = this.questions.at(-1)
    if (question !== undefined) send(question.response, answer)
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #receive(request: IncomingMessage, body: string, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://agent')
    const question: Question = {
      method: request.method ?? '',
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: request.headers,
      body,
      response,
    }
    this.questions.push(question)
    const answer = this.onQuestion(question)
    if (answer !== undefined) send(response, answer)
  }
}

function send(response: ServerResponse, { status = 200, index, headers, body = [] }: Answer): void {
  response.writeHead(status, { ...(index === undefined ? {} : { 'x-consul-index': String(index) }), ...headers })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}

/** Entries as in an answer, for these ports of 10.0.0.1. */
export function entries(...ports: readonly number[]): object[] {
  return ports.map((port) => ({
    Node: { Node: 'n1', Address: '10.0.0.1' },
    Service: { ID: `web-${port}`, Service: 'web', Address: '', Port: port, Meta: null, Tags: null },
    Checks: [],
  }))
}

/** A discovery that no variable of the environment reaches. */
export function discoveryOn(agent: LoopbackAgent, options: ConsulDiscoveryOptions = {}): ConsulDiscovery {
  return new ConsulDiscovery({ address: agent.url, env: {}, ...options })
}
