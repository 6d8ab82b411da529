import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type Socket as Connection, createServer, type Server } from 'node:net'
import { type Answer, AUTHORITATIVE_ANSWER, decode, encode } from 'dns-packet'
import { freePort } from 'test-servers'

/** A query as it arrived. */
export interface ReceivedQuery {
  readonly bytes: Buffer
  readonly id: number
  readonly name: string
  readonly type: string
  /** The size of answers that it allows, when it has EDNS0. */
  readonly udpPayloadSize: number | undefined
  readonly sender: RemoteInfo
}

/** What a test answers. */
export interface AskedQuestion extends Pick<ReceivedQuery, 'name' | 'type' | 'udpPayloadSize'> {
  readonly overTcp: boolean
}

export interface AnswerParts {
  readonly answers?: readonly Answer[]
  readonly authorities?: readonly Answer[]
  readonly additionals?: readonly Answer[]
  /** Response code, 0 to 15. */
  readonly code?: number
  /** Header bits besides. Default: authoritative. */
  readonly flags?: number
}

/** A DNS server that sends whatever bytes a test wants. */
export class LoopbackNameServer {
  readonly port: number
  readonly host: string
  /** What came over UDP, in order. */
  readonly queries: ReceivedQuery[] = []
  /** How many connections came. */
  connections = 0
  /** Answers a query over UDP. Default: not at all. */
  onQuery: (query: ReceivedQuery, server: LoopbackNameServer) => void = () => {}
  /** Answers a query over TCP. Default: not at all. */
  onConnection: (query: Buffer, connection: Connection) => void = () => {}
  readonly #socket: Socket
  readonly #server: Server
  readonly #open = new Set<Connection>()

  static async start(host = '127.0.0.1'): Promise<LoopbackNameServer> {
    const port = await freePort()
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    socket.bind({ port, address: host, exclusive: true })
    await once(socket, 'listening')
    const server = createServer().listen(port, host)
    await once(server, 'listening')
    return new LoopbackNameServer(host, port, socket, server)
  }

  private constructor(host: string, port: number, socket: Socket, server: Server) {
    this.host = host
    this.port = port
    this.#socket = socket
    this.#server = server
    socket.on('message', (bytes, sender) => {
      const query = received(bytes, sender)
      this.queries.push(query)
      this.onQuery(query, this)
    })
    server.on('connection', (connection) => this.#accept(connection))
  }

  get address(): string {
    return this.host.includes(':') ? `[${this.host}]:${this.port}` : `${this.host}:${this.port}`
  }

  /** How many connections are open. */
  get openConnections(): number {
    return this.#open.size
  }

  /** Sends `bytes` to whoever asked. */
  send(query: ReceivedQuery, bytes: Buffer): void {
    this.#socket.send(bytes, query.sender.port, query.sender.address)
  }

  /** Answers every query, over UDP and TCP alike, as `parts` says; `undefined` is silence. */
  answer(parts: (query: AskedQuestion) => AnswerParts | undefined): void {
    this.onQuery = (query) => {
      const given = parts({ ...query, overTcp: false })
      if (given !== undefined) this.send(query, answerTo(query.bytes, given))
    }
    this.onConnection = (bytes, connection) => {
      const given = parts({ ...asked(bytes), overTcp: true })
      if (given !== undefined) connection.write(withPrefix(answerTo(bytes, given)))
    }
  }

  /** Answers by `"<type> <name>"`; everything else does not exist. */
  zone(answers: Readonly<Record<string, AnswerParts>>): void {
    const missing: AnswerParts = { code: 3, authorities: [soa('test', 5, 5)] }
    this.answer(({ name, type }) => answers[`${type} ${name}`] ?? missing)
  }

  /** The questions so far, as in `zone`, sorted. */
  get asked(): string[] {
    return this.queries.map(({ type, name }) => `${type} ${name}`).sort()
  }

  async close(): Promise<void> {
    for (const connection of this.#open) connection.destroy()
    this.#socket.close()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #accept(connection: Connection): void {
    this.connections++
    this.#open.add(connection)
    connection.on('error', () => {})
    connection.on('close', () => this.#open.delete(connection))
    let bytes = Buffer.alloc(0)
    connection.on('data', (piece: Buffer) => {
      bytes = Buffer.concat([bytes, piece])
      if (bytes.length < 2 || bytes.length < 2 + bytes.readUInt16BE()) return
      this.onConnection(bytes.subarray(2, 2 + bytes.readUInt16BE()), connection)
    })
  }
}

function received(bytes: Buffer, sender: RemoteInfo): ReceivedQuery {
  return { ...asked(bytes), bytes, sender }
}

function asked(bytes: Buffer): Pick<ReceivedQuery, 'id' | 'name' | 'type' | 'udpPayloadSize'> {
  const { id = 0, questions = [], additionals = [] } = decode(bytes)
  const opt = additionals.find((record) => record.type === 'OPT')
  const { name = '', type = '' } = questions[0] ?? {}
  const udpPayloadSize = opt?.type === 'OPT' ? opt.udpPayloadSize : undefined
  return { id, name, type, udpPayloadSize }
}

/** An honest answer to `query`, made by an implementation that is not ours. */
export function answerTo(query: Buffer, { answers, authorities, additionals, code = 0, flags }: AnswerParts): Buffer {
  const { id, questions } = decode(query)
  return encode({
    type: 'response',
    id: id ?? 0,
    flags: (flags ?? AUTHORITATIVE_ANSWER) | code,
    questions: questions ?? [],
    answers: [...(answers ?? [])],
    authorities: [...(authorities ?? [])],
    additionals: [...(additionals ?? [])],
  })
}

/** As a message goes over TCP. */
export function withPrefix(message: Buffer): Buffer {
  const prefix = Buffer.alloc(2)
  prefix.writeUInt16BE(message.length)
  return Buffer.concat([prefix, message])
}

export function srv(name: string, target: string, data: Partial<SrvData> = {}): Answer {
  const { port = 8080, priority = 0, weight = 1, ttl = 5 } = data
  return { type: 'SRV', name, ttl, data: { target, port, priority, weight } }
}

interface SrvData {
  readonly port: number
  readonly priority: number
  readonly weight: number
  readonly ttl: number
}

export function address(name: string, data: string, ttl = 5): Answer {
  return { type: data.includes(':') ? 'AAAA' : 'A', name, ttl, data }
}

export function alias(name: string, data: string, ttl = 5): Answer {
  return { type: 'CNAME', name, ttl, data }
}

export function pointer(name: string, data: string, ttl = 5): Answer {
  return { type: 'PTR', name, ttl, data }
}

export function text(name: string, data: readonly string[], ttl = 5): Answer {
  return { type: 'TXT', name, ttl, data: [...data] }
}

export function soa(name: string, ttl: number, minimum: number): Answer {
  const data = { mname: 'ns', rname: 'host', serial: 1, refresh: 1, retry: 1, expire: 1, minimum }
  return { type: 'SOA', name, ttl, data }
}
