import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { unsharedPort } from '@lb/testing'

/** A request as it arrived. */
export interface ReceivedRequest {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

interface Answer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** A server that answers as a dashboard could, or should not. */
export class FakeDashboard {
  readonly requests: ReceivedRequest[] = []
  /** `undefined`: no answer at all. */
  answer: (request: ReceivedRequest) => Answer | undefined = () => ({ body: {} })
  readonly #server: Server

  static async start(): Promise<FakeDashboard> {
    const fake = new FakeDashboard()
    const port = await unsharedPort()
    await new Promise<void>((resolve) => fake.#server.listen(port, '127.0.0.1', resolve))
    return fake
  }

  private constructor() {
    this.#server = createServer((request, response) => void this.#respond(request, response))
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo
    return `http://127.0.0.1:${port}/lb`
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url, headers } = request
    const received = { method, url, headers, body: await text(request) }
    this.requests.push(received)
    const answer = this.answer(received)
    if (answer === undefined) return
    const body = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? null)
    response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers }).end(body)
  }
}
