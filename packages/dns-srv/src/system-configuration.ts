import { getServers } from 'node:dns'
import { readFile } from 'node:fs/promises'
import type { Clock } from '@lb/core'
import { type NameServer, parseNameServer } from './name-server.ts'
import { parseResolvConf, type ResolvConf } from './resolv-conf.ts'

/** The file may change while the process runs (DHCP, VPN). It is read again when its text is older than this. */
const maxAgeMs = 10_000

/** The resolvers and search domains of the machine. */
export class SystemConfiguration {
  readonly #path: string
  readonly #clock: Clock
  #reading: Promise<ResolvConf> | undefined
  #readAtMs = 0

  constructor(path: string, clock: Clock) {
    this.#path = path
    this.#clock = clock
  }

  /** Never rejects: without a file that can be read, the servers are those that Node knows, without search domains. */
  current(): Promise<ResolvConf> {
    const nowMs = this.#clock.now()
    if (this.#reading === undefined || nowMs - this.#readAtMs >= maxAgeMs) {
      this.#readAtMs = nowMs
      this.#reading = this.#read()
    }
    return this.#reading
  }

  async #read(): Promise<ResolvConf> {
    const text = await readFile(this.#path, 'utf8').catch(() => '')
    const conf = parseResolvConf(text)
    return conf.servers.length > 0 ? conf : { ...conf, servers: nodeServers() }
  }
}

function nodeServers(): NameServer[] {
  return getServers()
    .map(parseNameServer)
    .filter((server) => server !== undefined)
}
