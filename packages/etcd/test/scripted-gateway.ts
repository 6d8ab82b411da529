import { once } from 'node:events'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { unsharedPort } from '@lb/testing'
import { fromBase64, toBase64 } from '../src/key-range.ts'

export interface GatewayCall {
  readonly path: string
  readonly body: string
  readonly headers: IncomingHttpHeaders
}

type Reply = { readonly status?: number; readonly body: unknown }

/** One stream of watches, with what was asked for on it. */
export class ScriptedWatch {
  readonly starts: readonly { readonly path: string; readonly startRevision: string }[]
  readonly headers: IncomingHttpHeaders
  isOpen = true
  readonly #response: ServerResponse

  constructor({ body, headers }: GatewayCall, response: ServerResponse) {
    this.starts = body.split('\n').map((line) => {
      const { create_request: request } = JSON.parse(line) as {
        create_request: { key: string; start_revision: string }
      }
      return { path: fromBase64(request.key), startRevision: request.start_revision }
    })
    this.headers = headers
    this.#response = response
    response.once('close', () => {
      this.isOpen = false
    })
  }

  /** As it is, in one piece. */
  write(bytes: string): void {
    this.#response.write(bytes)
  }

  send(...results: object[]): void {
    this.write(
      results.map((result) => `${JSON.stringify({ result: { header: { revision: '1' }, ...result } })}\n`).join(''),
    )
  }

  /** Says that all of its watches are there. */
  create(): void {
    this.send(...this.starts.map((_, index) => ({ ...(index > 0 && { watch_id: String(index) }), created: true })))
  }

  end(): void {
    this.#response.end()
  }
}

/** An event of a put, as the gateway writes it. */
export function putEvent(key: string, value: string, revision: number): object {
  return { kv: { key: toBase64(key), value: toBase64(value), mod_revision: String(revision) } }
}

/**
 * The JSON gateway with answers that a test writes byte by byte: a real etcd does not send them when a test wants them. What is sent is
 * what etcd 3.4 and 3.5 were seen to send, or, for 3.6, what its gateway is documented to send.
 */
export class ScriptedGateway {
  readonly calls: GatewayCall[] = []
  readonly watches: ScriptedWatch[] = []
  revision = 10
  /** Keys with their values, all written at `revision`. */
  keys: Record<string, string> = {}
  /** What is granted. */
  lease = '7587848390112345679'
  /** Whether watches are said to be there by themselves. */
  createsWatches = true
  /** Instead of the usual answers; `undefined` gives the usual one. */
  reply: (call: GatewayCall) => Reply | undefined | Promise<Reply | undefined> = () => undefined
  readonly #server: Server

  static async start(): Promise<ScriptedGateway> {
    const gateway = new ScriptedGateway()
    gateway.#server.listen(await unsharedPort(), '127.0.0.1')
    await once(gateway.#server, 'listening')
    return gateway
  }

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch(() => response.destroy())
    })
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  callsTo(path: string): GatewayCall[] {
    return this.calls.filter((call) => call.path === path)
  }

  get lists(): GatewayCall[] {
    return this.callsTo('/v3/kv/range').filter(({ body }) => !body.includes('keys_only'))
  }

  async stop(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close').catch(() => {})
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = { path: request.url ?? '', body: await text(request), headers: request.headers }
    this.calls.push(call)
    const reply = await this.reply(call)
    response.setHeader('content-type', 'application/json')
    if (reply === undefined && call.path === '/v3/watch') {
      response.flushHeaders()
      const watch = new ScriptedWatch(call, response)
      this.watches.push(watch)
      if (this.createsWatches) watch.create()
      return
    }
    response.statusCode = reply?.status ?? 200
    response.end(JSON.stringify(reply === undefined ? this.#usual(call) : reply.body))
  }

  #usual({ path, body }: GatewayCall): object {
    const header = { cluster_id: '1', member_id: '2', revision: String(this.revision), raft_term: '2' }
    if (path === '/v3/lease/grant') return { header, ID: this.lease, TTL: (JSON.parse(body) as { TTL: string }).TTL }
    if (path === '/v3/lease/keepalive') return { result: { header, ID: this.lease, TTL: '15' } }
    if (path !== '/v3/kv/range') return { header }
    const under = fromBase64((JSON.parse(body) as { key: string }).key)
    const kvs = Object.entries(this.keys)
      .filter(([key]) => key.startsWith(under))
      .map(([key, value]) => (putEvent(key, value, this.revision) as { kv: object }).kv)
    if (kvs.length === 0) return { header }
    const limited = body.includes('limit') && kvs.length > 1
    const count = String(kvs.length)
    return limited ? { header, kvs: kvs.slice(0, 1), more: true, count } : { header, kvs, count }
  }
}
