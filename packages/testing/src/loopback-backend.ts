import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** What a backend does with one request. */
export interface BackendBehaviour {
  /** Milliseconds before it answers. */
  readonly latencyMs?: number | undefined
  /** Default 200. */
  readonly status?: number | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Default: JSON with the backend's `id` and the request's `method`, `url`, `headers` and `body`. */
  readonly body?: string | Uint8Array | undefined
  /**
   * - `reset`: the connection is reset before a byte of the response
   * - `reset-in-body`: after the headers and half of the body
   * - `stall-in-body`: after the headers and half of the body nothing more comes
   * - `black-hole`: the request is read and never answered
   * - `close`: the connection is closed, in an orderly way, without a response
   */
  readonly fault?: 'reset' | 'reset-in-body' | 'stall-in-body' | 'black-hole' | 'close' | undefined
  /** Written as it is, instead of all of the above: bytes, or whatever the function writes. */
  readonly raw?: (string | ((socket: Socket) => void)) | undefined
}

export interface BackendRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** A behaviour for every request, or chosen for each; `number` counts from 1. */
export type BackendScript = BackendBehaviour | ((request: BackendRequest, number: number) => BackendBehaviour)

/**
 * A real HTTP server on loopback that does what the test says.
 *
 *     await using backend = await LoopbackBackend.start({ id: 'a' })
 *     backend.script = { status: 503 }
 *     await backend.stop()      // refuses connections, as a killed process does
 *     await backend.restart()   // on the same port
 */
export class LoopbackBackend implements AsyncDisposable {
  readonly id: string
  /** Change it at any time. */
  script: BackendScript = {}
  /** Requests that were read to the end, in order. */
  readonly requests: BackendRequest[] = []
  #server: Server
  #port = 0
  readonly #sockets = new Set<Socket>()

  private constructor(id: string) {
    this.id = id
    this.#server = this.#newServer()
  }

  static async start({
    id = 'backend',
    script = {},
  }: {
    id?: string
    script?: BackendScript
  } = {}): Promise<LoopbackBackend> {
    const backend = new LoopbackBackend(id)
    backend.script = script
    await backend.#listen()
    return backend
  }

  readonly host = '127.0.0.1'

  get port(): number {
    return this.#port
  }

  /** `host:port`, as discoveries write it. */
  get address(): string {
    return `${this.host}:${this.#port}`
  }

  get url(): string {
    return `http://${this.address}`
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#sockets.size
  }

  /** Resets every connection and refuses new ones. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      if (this.#server.listening) this.#server.close(() => resolve())
      else resolve()
    })
    for (const socket of this.#sockets) socket.resetAndDestroy()
    await closed
  }

  /** Listens again, on the same port. */
  async restart(): Promise<void> {
    await this.stop()
    this.#server = this.#newServer()
    await this.#listen()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #newServer(): Server {
    const server = createServer((request, response) => {
      // A client that goes away is part of many tests.
      this.#handle(request, response).catch(() => response.destroy())
    })
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => this.#sockets.delete(socket))
    })
    return server
  }

  #listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(this.#port, this.host, () => {
        this.#port = (this.#server.address() as AddressInfo).port
        resolve()
      })
    })
  }

  async #handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const request: BackendRequest = {
      method: incoming.method ?? '',
      url: incoming.url ?? '',
      headers: incoming.headers,
      body: Buffer.concat(chunks).toString(),
    }
    this.requests.push(request)
    const behaviour = typeof this.script === 'function' ? this.script(request, this.requests.length) : this.script
    if (behaviour.latencyMs !== undefined) await delay(behaviour.latencyMs, undefined, { ref: false })
    this.#answer(behaviour, request, incoming.socket, response)
  }

  #answer(behaviour: BackendBehaviour, request: BackendRequest, socket: Socket, response: ServerResponse): void {
    const { fault, raw, status = 200, headers = {} } = behaviour
    if (raw !== undefined) {
      if (typeof raw === 'function') raw(socket)
      else socket.write(raw)
      return
    }
    if (fault === 'black-hole') return
    if (fault === 'reset') {
      socket.resetAndDestroy()
      return
    }
    if (fault === 'close') {
      socket.end()
      return
    }
    const body = Buffer.from(behaviour.body ?? JSON.stringify({ id: this.id, ...request }))
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length, ...headers })
    if (fault === 'reset-in-body') {
      response.write(body.subarray(0, body.length / 2), () => socket.resetAndDestroy())
      return
    }
    if (fault === 'stall-in-body') {
      response.write(body.subarray(0, body.length / 2))
      return
    }
    response.end(request.method === 'HEAD' ? undefined : body)
  }
}
