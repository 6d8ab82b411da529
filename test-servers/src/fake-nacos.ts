import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { FakeNacosApi, type FakeNacosCall, type FakeNacosReply, pushKey } from './fake-nacos-api.ts'
import { FakeNacosAuth } from './fake-nacos-auth.ts'
import type { FakeNacosOptions, FakeNacosVersion } from './fake-nacos-options.ts'
import { FakeNacosPush } from './fake-nacos-push.ts'
import { type FakeNacosInstance, FakeNacosRegistry } from './fake-nacos-registry.ts'
import { notFound, refusal } from './fake-nacos-versions.ts'
import { freePort } from './free-port.ts'

/** As Tomcat does, of which Nacos is made. */
const maxUrlLength = 8_000

/** What a test writes of an instance; the rest as a healthy one of weight 1 in the cluster `DEFAULT` that lives without beats. */
export type FakeNacosInstanceInit = Pick<FakeNacosInstance, 'ip' | 'port'> & Partial<FakeNacosInstance>

export interface FakeNacosPlace {
  readonly namespace?: string
  readonly group?: string
  readonly protectThreshold?: number
}

/** A request that came, for tests. */
export interface FakeNacosRequest {
  readonly method: string
  /** After the context path, without the query. */
  readonly path: string
  /** As it came, with the query. */
  readonly url: string
  /** Of query and form together. */
  readonly parameters: Readonly<Record<string, string>>
  readonly headers: IncomingMessage['headers']
}

/**
 * Stands in for a Nacos server where its time has to be virtual or its answers wrong, and for versions that cannot be had: the naming part of its
 * HTTP API as 1.4, 2.5, 3.0 and 3.2 have it, with UDP pushes, beats that run out, `protectThreshold` and tokens. The official client accepts it.
 */
export class FakeNacos {
  readonly requests: FakeNacosRequest[] = []
  /** Answers instead of the API when it gives something; for exact bytes and statuses. */
  intercept: (
    request: FakeNacosRequest,
  ) => { status?: number; headers?: Record<string, string>; body: string | Buffer } | undefined = () => undefined
  /** May change at any time: a server that is upgraded. */
  version: FakeNacosVersion
  readonly auth: FakeNacosAuth
  readonly #push: FakeNacosPush
  readonly #registry: FakeNacosRegistry
  readonly #api: FakeNacosApi
  readonly #options: FakeNacosOptions
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #isHolding = false
  #stopping: Promise<void> | undefined

  static async start(options: FakeNacosOptions = {}): Promise<FakeNacos> {
    const fake = new FakeNacos(options)
    await fake.#push.open()
    fake.#server.listen(options.port ?? (await freePort()), '127.0.0.1')
    await once(fake.#server, 'listening')
    return fake
  }

  private constructor(options: FakeNacosOptions) {
    this.#options = options
    this.version = options.version ?? '3.2'
    this.auth = new FakeNacosAuth(options.auth)
    this.#push = new FakeNacosPush(options.pushTimeoutMs ?? 10_000)
    const lifetimes = { beatIntervalMs: 5_000, unhealthyAfterMs: 15_000, deletedAfterMs: 30_000, ...options.lifetimes }
    this.#registry = new FakeNacosRegistry(lifetimes, (service) => this.#push.changed(pushKey(service)))
    this.#api = new FakeNacosApi({
      registry: this.#registry,
      auth: this.auth,
      push: this.#push,
      cacheMillis: options.cacheMillis ?? 10_000,
      beatIntervalMs: lifetimes.beatIntervalMs,
      version: () => this.version,
    })
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch(() => response.destroy())
    })
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** What clients get as server. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#sockets.size
  }

  /** Texts of the acknowledgements of pushes. */
  get acknowledgements(): readonly string[] {
    return this.#push.acknowledgements
  }

  /** Makes `instances` the whole list of a service. */
  set(service: string, instances: readonly FakeNacosInstanceInit[], place: FakeNacosPlace = {}): void {
    const full = instances.map((init) => ({
      weight: 1,
      healthy: true,
      enabled: true,
      ephemeral: false,
      clusterName: 'DEFAULT',
      metadata: {},
      ...init,
    }))
    this.#registry.set(nameOf(service, place), full, place.protectThreshold)
  }

  /** What it knows of a service, also what it would not tell. */
  instances(service: string, place: FakeNacosPlace = {}): readonly FakeNacosInstance[] {
    return this.#registry.instances(nameOf(service, place))
  }

  /** Forgets an instance, as a server that lost its memory. */
  forget(service: string, place: FakeNacosPlace = {}): void {
    this.#registry.set(nameOf(service, place), [])
  }

  /** From now on requests are read and never answered. */
  hold(): void {
    this.#isHolding = true
  }

  /** Calling it again gives the same promise. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    this.#registry.close()
    this.#push.close()
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  async #handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const url = new URL(incoming.url ?? '/', 'http://localhost')
    const parameters = new URLSearchParams(url.search)
    for (const [name, value] of new URLSearchParams(Buffer.concat(chunks).toString())) parameters.append(name, value)
    const { contextPath = '/nacos' } = this.#options
    const isInside = url.pathname.startsWith(`${contextPath}/`)
    const path = isInside ? url.pathname.slice(contextPath.length) : url.pathname
    const { method = '', headers } = incoming
    const request = { method, path, url: incoming.url ?? '', parameters: Object.fromEntries(parameters), headers }
    this.requests.push(request)
    if (this.#isHolding) return
    const intercepted = this.intercept(request)
    if (intercepted !== undefined) {
      response.writeHead(intercepted.status ?? 200, intercepted.headers).end(intercepted.body)
      return
    }
    if (request.url.length > maxUrlLength) {
      response.writeHead(400).end('Request header is too large')
      return
    }
    const call = { method, path, parameters, userAgent: headers['user-agent'] ?? '' }
    const { status, body } = isInside ? this.#answer(call, headers.authorization) : notFound(path)
    const type = typeof body === 'object' ? 'application/json' : body.startsWith('<') ? 'text/html' : 'text/plain'
    response.writeHead(status, { 'content-type': `${type};charset=UTF-8` })
    response.end(typeof body === 'object' ? JSON.stringify(body) : body)
  }

  #answer(call: FakeNacosCall, authorization: string | undefined): FakeNacosReply {
    const refused = refusal(this.version, call, this.#options.clientCompatibility ?? true)
    if (refused !== undefined) return refused
    const isLogin = /^\/v(?:1\/auth\/(?:users\/)?|3\/auth\/user\/)login$/.test(call.path)
    if (call.method === 'POST' && isLogin) return this.#api.logIn(call)
    if (!this.auth.allows(authorization, call.parameters)) {
      // 3.x says the same in its envelope.
      if (call.path.startsWith('/v1')) return { status: 403, body: 'token expired!' }
      return { status: 403, body: { code: 10_001, message: 'access denied', data: 'token invalid!' } }
    }
    return this.#api.answer(call) ?? notFound(call.path)
  }
}

function nameOf(
  service: string,
  { namespace = 'public', group = 'DEFAULT_GROUP' }: FakeNacosPlace,
): { namespace: string; name: string } {
  return { namespace, name: `${group}@@${service}` }
}
