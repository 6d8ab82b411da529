import { execFile } from 'node:child_process'
import { Resolver } from 'node:dns/promises'
import { promisify } from 'node:util'
import { freePort } from './free-port.ts'
import { binary } from './server-binaries.ts'
import { ServerProcess } from './server-process.ts'

const run = promisify(execFile)
const schema = '/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql'
const apiKey = 'test'

/** Records of one name and type. No `records`: the name has none of the type any more. */
export interface RecordSet {
  /** Relative to the zone; `""` is the zone itself. */
  readonly name: string
  readonly type: 'A' | 'AAAA' | 'CNAME' | 'NS' | 'PTR' | 'SOA' | 'SRV' | 'TXT'
  readonly ttl: number
  readonly records: readonly string[]
}

/** Negative answers hold for a second. */
const soa: RecordSet = {
  name: '',
  type: 'SOA',
  ttl: 1,
  records: ['ns.lb.test. hostmaster.lb.test. 1 10800 3600 604800 1'],
}

/** PowerDNS with one zone, which is changed while it runs. */
export class PowerDns {
  static readonly programs: readonly string[] = ['pdns_server', 'sqlite3']
  readonly port: number
  readonly zone: string
  readonly #api: string
  readonly #process: ServerProcess

  static async start(zone = 'lb.test', sets: readonly RecordSet[] = []): Promise<PowerDns> {
    const [port, webPort] = [await freePort(), await freePort()]
    const server = new ServerProcess()
    await run(binary('sqlite3'), [server.path('pdns.db'), `.read ${schema}`])
    server.write('pdns.conf', configuration(server.folder, port, webPort))
    const powerDns = new PowerDns(zone, port, webPort, server)
    await server.start('pdns_server', [`--config-dir=${server.folder}`], () => powerDns.#request('GET', ''))
    const rrsets = [soa, ...sets].map((set) => powerDns.#rrset(set))
    await powerDns.#request('POST', '/zones', { name: `${zone}.`, kind: 'Native', nameservers: [], rrsets })
    return powerDns
  }

  private constructor(zone: string, port: number, webPort: number, server: ServerProcess) {
    this.zone = zone
    this.port = port
    this.#api = `http://127.0.0.1:${webPort}/api/v1/servers/localhost`
    this.#process = server
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  async set(...sets: readonly RecordSet[]): Promise<void> {
    await this.#request('PATCH', `/zones/${this.zone}.`, { rrsets: sets.map((set) => this.#rrset(set)) })
  }

  /** What the API cannot do: times to live that differ within a set, a database that is broken. */
  async sql(statement: string): Promise<void> {
    await run(binary('sqlite3'), [this.#process.path('pdns.db'), `.timeout 5000`, statement])
  }

  /** How many queries came over UDP and over TCP so far. */
  async queries(): Promise<{ udp: number; tcp: number }> {
    const statistics = (await this.#request('GET', '/statistics')) as { name: string; value: unknown }[]
    const count = (name: string): number => Number(statistics.find((entry) => entry.name === name)?.value)
    return { udp: count('udp-queries'), tcp: count('tcp-queries') }
  }

  pause(): void {
    this.#process.pause()
  }

  resume(): void {
    this.#process.resume()
  }

  stop(): Promise<void> {
    return this.#process.stop()
  }

  async #request(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${this.#api}${path}`, {
      method,
      headers: { 'X-API-Key': apiKey },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`PowerDNS: ${method} ${path}: ${response.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }

  #rrset({ name, type, ttl, records }: RecordSet): object {
    return {
      name: name === '' ? `${this.zone}.` : `${name}.${this.zone}.`,
      type,
      ttl,
      changetype: records.length === 0 ? 'DELETE' : 'REPLACE',
      records: records.map((content) => ({ content, disabled: false })),
    }
  }
}

function configuration(folder: string, port: number, webPort: number): string {
  return `
launch=gsqlite3
gsqlite3-database=${folder}/pdns.db
gsqlite3-pragma-synchronous=0
local-address=127.0.0.1,::1
local-port=${port}
local-address-nonexist-fail=no
socket-dir=${folder}
daemon=no
guardian=no
setuid=
setgid=
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
udp-truncation-threshold=1232
api=yes
api-key=${apiKey}
webserver=yes
webserver-address=127.0.0.1
webserver-port=${webPort}
disable-syslog=yes
security-poll-suffix=
`
}

/** Resolves when the server answers for the zone. */
export async function answersFor(zone: string, address: string): Promise<void> {
  const resolver = new Resolver({ timeout: 200, tries: 1 })
  resolver.setServers([address])
  await resolver.resolveSoa(zone)
}
