import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { unsharedPort } from './unshared-port.ts'

/** How a backend responds to one request. */
export interface BackendBehaviour {
  /** Delay before the response, in milliseconds. @default 0 */
  readonly latencyMs?: number | undefined
  /** The status of the response. @default 200 */
  readonly status?: number | undefined
  /** Headers of the response, in addition to those of Node. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /**
   * The body of the response.
   * @default JSON with the backend's `id` and the request's `method`, `url`, `headers` and `body`
   */
  readonly body?: string | Uint8Array | undefined
  /**
   * A failure instead of the response:
   *
   * - `reset`: the connection is reset before the first byte of the response
   * - `reset-in-body`: the connection is reset after the headers and half of the body
   * - `stall-in-body`: nothing follows after the headers and half of the body
   * - `black-hole`: the request is read, and no response follows
   * - `close`: the connection is closed normally, without a response
   */
  readonly fault?: 'reset' | 'reset-in-body' | 'stall-in-body' | 'black-hole' | 'close' | undefined
  /** Raw output instead of all of the above: these bytes, or whatever the function writes. */
  readonly raw?: (string | ((socket: Socket) => void)) | undefined
}

/** A request that a backend has read to the end. */
export interface BackendRequest {
  /** The method, such as `GET`. */
  readonly method: string
  /** The path and query. */
  readonly url: string
  /** The headers, with lower-case names. */
  readonly headers: IncomingMessage['headers']
  /** The whole body as text. */
  readonly body: string
}

/** One behaviour for every request, or a function that chooses it. `number` counts the requests from 1. */
export type BackendScript = BackendBehaviour | ((request: BackendRequest, number: number) => BackendBehaviour)

/**
 * A real HTTP server on loopback whose behaviour the test determines.
 *
 *     await using backend = await LoopbackBackend.start({ id: 'a' })
 *     backend.script = { status: 503 }
 *     await backend.stop()      // refuses connections, like a killed process
 *     await backend.restart()   // on the same port
 */
export class LoopbackBackend implements AsyncDisposable {
  /** The name of the backend, which its default response contains. */
  readonly id: string
  /** The behaviour; it may change at any time. @default {} */
  script: BackendScript = {}
  /** Requests that were read to the end, in order. */
  readonly requests: BackendRequest[] = []
  #server: Server
  #port: number
  readonly #sockets = new Set<Socket>()

  private constructor(id: string, host: string, port: number) {
    this.id = id
    this.host = host
    this.#port = port
    this.#server = this.#newServer()
  }

  /** Starts a backend. By default, `id` is `backend`, `script` is `{}`, `host` is `127.0.0.1`, and `port` is an `unsharedPort`. */
  static async start({
    id = 'backend',
    script = {},
    host = '127.0.0.1',
    port = 0,
  }: {
    id?: string
    script?: BackendScript
    host?: string
    port?: number
  } = {}): Promise<LoopbackBackend> {
    const backend = new LoopbackBackend(id, host, port)
    backend.script = script
    await backend.#listen()
    return backend
  }

  /** The address on which the backend listens. */
  readonly host: string

  /** The port, which stays the same after `restart`. */
  get port(): number {
    return this.#port
  }

  /** `host:port`, the form that discoveries use. */
  get address(): string {
    return `${this.host}:${this.#port}`
  }

  /** The origin, such as `http://127.0.0.1:40123`. */
  get url(): string {
    return `http://${this.address}`
  }

  /** The number of open connections. */
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

  async #listen(): Promise<void> {
    if (this.#port === 0) this.#port = await unsharedPort(this.host)
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(this.#port, this.host, resolve)
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
