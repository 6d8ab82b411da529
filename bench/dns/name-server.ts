/** The server of `bench:dns`, a process of its own, so that only the client is measured. Told what to serve by its parent. */
import { createSocket, type RemoteInfo } from 'node:dgram'
import { type Answer, AUTHORITATIVE_ANSWER, decode, encode } from 'dns-packet'

export interface ServedService {
  readonly name: string
  readonly ttlSeconds: number
  readonly ports: readonly number[]
  /** As a caching resolver has it: the time to live counts down, and the records change when it is over. */
  readonly cached: boolean
}

export type ToServer = { readonly serve: readonly ServedService[] } | { readonly count: true }
export type FromServer = { readonly port: number } | { readonly served: true } | { readonly queries: number }

interface Cached {
  readonly ports: readonly number[]
  readonly untilMs: number
}

const services = new Map<string, ServedService>()
const cache = new Map<string, Cached>()
let queries = 0

const socket = createSocket('udp4')
socket.on('message', (bytes: Buffer, sender: RemoteInfo) => {
  queries++
  socket.send(answer(bytes), sender.port, sender.address)
})
socket.bind(0, '127.0.0.1', () => tell({ port: socket.address().port }))

process.on('message', (message: ToServer) => {
  if ('serve' in message) {
    for (const service of message.serve) services.set(service.name, service)
    tell({ served: true })
  } else tell({ queries })
})
process.on('disconnect', () => process.exit())

function tell(message: FromServer): void {
  process.send?.(message)
}

function answer(bytes: Buffer): Buffer {
  const { id, questions = [] } = decode(bytes)
  const name = questions[0]?.name ?? ''
  const service = services.get(name)
  const { ports, ttl } = service === undefined ? { ports: [], ttl: 0 } : recordsOf(service)
  const answers = ports.map((port): Answer => {
    return { type: 'SRV', name, ttl, data: { target: 'host.bench.test', port, priority: 0, weight: 1 } }
  })
  const additionals: Answer[] = [{ type: 'A', name: 'host.bench.test', ttl: 60, data: '127.0.0.1' }]
  return encode({ type: 'response', id: id ?? 0, flags: AUTHORITATIVE_ANSWER, questions, answers, additionals })
}

function recordsOf({ name, ports, ttlSeconds, cached }: ServedService): { ports: readonly number[]; ttl: number } {
  if (!cached) return { ports, ttl: ttlSeconds }
  const nowMs = performance.now()
  let entry = cache.get(name)
  if (entry === undefined || entry.untilMs <= nowMs) {
    entry = { ports, untilMs: nowMs + ttlSeconds * 1_000 }
    cache.set(name, entry)
  }
  return { ports: entry.ports, ttl: Math.ceil((entry.untilMs - nowMs) / 1_000) }
}
