import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { unsharedPort } from '@lb/testing'
import type { SliceJson } from './slices.ts'

/** A request for a list or a watch, with what decides its answer. */
export interface ApiRequest {
  readonly watch: boolean
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly authorization: string | undefined
}

/** A watch that is open. */
export class OpenWatch {
  readonly request: ApiRequest
  readonly #response: ServerResponse

  constructor(request: ApiRequest, response: ServerResponse) {
    this.request = request
    this.#response = response
  }

  get isOpen(): boolean {
    return !this.#response.destroyed
  }

  /** One event, as the real server frames it: JSON and a line end. */
  send(type: string, object: object): void {
    this.write(`${JSON.stringify({ type, object })}\n`)
  }

  write(bytes: string | Uint8Array): void {
    this.#response.write(bytes)
  }

  /** In order, as when its time is over. */
  end(): void {
    this.#response.end()
  }

  reset(): void {
    this.#response.socket?.resetAndDestroy()
  }
}

/** What a test answers instead of what is usual; `undefined`: the usual. */
export type ApiAnswer = {
  readonly status: number
  readonly body?: object | string
  readonly headers?: Record<string, string>
}

/**
 * NOT a real API server: it plays the frames of one (1.20) byte by byte, for sequences that a real one does not give on demand.
 * Lists have what `slices` holds at the version `version`; watches stay open until the test says something.
 */
export class LoopbackApiServer {
  slices: readonly SliceJson[] = []
  version = '10'
  /** What is not answered. */
  holds: 'lists' | 'watches' | undefined
  answer: (request: ApiRequest) => ApiAnswer | undefined = () => undefined
  readonly requests: ApiRequest[] = []
  readonly watches: OpenWatch[] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  static async start(): Promise<LoopbackApiServer> {
    const server = new LoopbackApiServer()
    server.#server.listen(await unsharedPort(), '127.0.0.1')
    await once(server.#server, 'listening')
    return server
  }

  private constructor() {
    this.#server = createServer((request, response) => this.#handle(request, response))
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => this.#sockets.delete(socket))
    })
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get connections(): number {
    return this.#sockets.size
  }

  get lists(): readonly ApiRequest[] {
    return this.requests.filter(({ watch }) => !watch)
  }

  /** The newest. */
  get watch(): OpenWatch {
    const watch = this.watches.at(-1)
    if (watch === undefined) throw new Error('nobody watches yet')
    return watch
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #handle(incoming: IncomingMessage, response: ServerResponse): void {
    const url = new URL(incoming.url ?? '', 'http://x')
    const query = Object.fromEntries(url.searchParams)
    const { authorization } = incoming.headers
    const request = { watch: query.watch === '1', path: url.pathname, query, authorization }
    this.requests.push(request)
    const answer = this.answer(request)
    if (answer !== undefined) {
      const { status, body = {}, headers = {} } = answer
      response.writeHead(status, { 'content-type': 'application/json', ...headers })
      response.end(typeof body === 'string' ? body : JSON.stringify(body))
    } else if (this.holds === (request.watch ? 'watches' : 'lists')) {
      // Nothing comes.
    } else if (request.watch) {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.flushHeaders()
      this.watches.push(new OpenWatch(request, response))
    } else {
      response.writeHead(200, { 'content-type': 'application/json' })
      const metadata = { resourceVersion: this.version }
      response.end(JSON.stringify({ kind: 'EndpointSliceList', metadata, items: this.slices }))
    }
  }
}

/** The body of an answer that is an error, and the object of an ERROR event. */
export function status(code: number, reason: string, message: string, details: object = {}): object {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code, details }
}

export function expired(version: string): object {
  return status(410, 'Expired', `too old resource version: ${version} (3171407)`)
}
