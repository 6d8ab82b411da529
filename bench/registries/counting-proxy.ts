/** A proxy that counts requests, a process of its own: takes away TLS, if there is any, and changes nothing else. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { answerQuestions } from './program.ts'
import type { RegistryAccess } from './registry.ts'
import { RequestCounter } from './request-counter.ts'

export interface CountedRequest {
  /** Comparable between processes. */
  readonly atMs: number
  /** Whether the registry was there to accept it. */
  readonly reached: boolean
  /** Whether it came on a new connection. */
  readonly isFirst: boolean
}

export interface CountingProxyQuestions {
  /** Resolves with what clients get instead of the registry itself. */
  before(access: RegistryAccess): Promise<RegistryAccess>
  counts(_: null): Promise<{ readonly requests: number; readonly mostConnections: number }>
  /** What came after that moment. */
  requests(sinceMs: number): Promise<readonly CountedRequest[]>
}

interface Connection {
  reached: boolean
  isNew: boolean
}

const requests: { readonly atMs: number; readonly isFirst: boolean; readonly connection: Connection }[] = []
let connections = 0
let mostConnections = 0

answerQuestions<CountingProxyQuestions>({
  before: async (access) => {
    const { hostname: host, port, protocol } = new URL(access.url)
    const place = { host, port: Number(port), noDelay: true }
    const ca = access.caFile === undefined ? undefined : readFileSync(access.caFile, 'utf8')
    const reach = (connected: () => void): Socket =>
      protocol === 'https:'
        ? connectTls({ ...place, ...(ca !== undefined && { ca }), ALPNProtocols: ['http/1.1'] }, connected)
        : connectTcp(place, connected)
    const server = createServer({ noDelay: true }, (client) => pass(client, reach))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { caFile: _, ...rest } = access
    return { ...rest, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
  },
  counts: async () => ({ requests: requests.length, mostConnections }),
  requests: async (sinceMs) =>
    requests
      .filter(({ atMs }) => atMs >= sinceMs)
      .map(({ atMs, isFirst, connection }) => ({ atMs, isFirst, reached: connection.reached })),
})

function pass(client: Socket, reach: (connected: () => void) => Socket): void {
  const connection: Connection = { reached: false, isNew: true }
  const counter = new RequestCounter()
  const registry = reach(() => {
    connection.reached = true
  })
  connections++
  mostConnections = Math.max(mostConnections, connections)
  client.on('close', () => connections--)
  client.on('data', (bytes: Buffer) => {
    for (let found = counter.count(bytes); found > 0; found--) note(connection)
  })
  registry.on('error', () => {
    // Nobody listens, which may be known before the request has come.
    if (!connection.reached && connection.isNew) note(connection)
  })
  for (const [from, to] of [
    [client, registry],
    [registry, client],
  ] as const) {
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroy())
    from.pipe(to)
  }
}

function note(connection: Connection): void {
  requests.push({ atMs: performance.timeOrigin + performance.now(), isFirst: connection.isNew, connection })
  connection.isNew = false
}
