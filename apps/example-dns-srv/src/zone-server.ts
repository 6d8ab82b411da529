import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type Answer, AUTHORITATIVE_ANSWER, decode, encode } from 'dns-packet'

/** Where an instance is, and how often it is to be used. */
export interface Record {
  readonly port: number
  readonly weight?: number
  readonly priority?: number
}

const ttlSeconds = 1
const nameError = 3

/** A DNS server for SRV records of instances on this machine. In production: CoreDNS, Consul, PowerDNS, BIND … */
export class ZoneServer {
  readonly #socket: Socket
  readonly #services = new Map<string, readonly Record[]>()
  /** A server that is there but says nothing. */
  silent = false

  static async start(): Promise<ZoneServer> {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    return new ZoneServer(socket)
  }

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('message', (query, { port, address }) => {
      if (!this.silent) socket.send(this.#answer(query), port, address)
    })
  }

  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`
  }

  /** Replaces the records of `name`. None: the service says that it is not available. */
  set(name: string, records: readonly Record[]): void {
    this.#services.set(name, records)
  }

  close(): void {
    this.#socket.close()
  }

  #answer(query: Buffer): Buffer {
    const { id, questions = [] } = decode(query)
    const name = questions[0]?.name ?? ''
    const records = this.#services.get(name.toLowerCase())
    return encode({
      type: 'response',
      id: id ?? 0,
      flags: AUTHORITATIVE_ANSWER | (records === undefined ? nameError : 0),
      questions,
      answers: records === undefined ? [] : srvRecords(name, records),
      additionals: [{ type: 'A', name: 'localhost.example.test', ttl: ttlSeconds, data: '127.0.0.1' }],
    })
  }
}

function srvRecords(name: string, records: readonly Record[]): Answer[] {
  if (records.length === 0) {
    return [{ type: 'SRV', name, ttl: ttlSeconds, data: { target: '.', port: 0, priority: 0, weight: 0 } }]
  }
  return records.map(({ port, weight = 1, priority = 0 }) => ({
    type: 'SRV',
    name,
    ttl: ttlSeconds,
    data: { target: 'localhost.example.test', port, priority, weight },
  }))
}
