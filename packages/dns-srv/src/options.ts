import type { Clock, Random } from '@lb/core'
import {
  checkBoolean,
  checkClock,
  checkDurationMs,
  checkFunction,
  checkInteger,
  checkKeys,
  rejectOption,
} from '@lb/core/authoring'
import { domainNameProblem } from './domain-name.ts'
import { parseNameServer } from './name-server.ts'
import type { AddressFamily } from './target-addresses.ts'

/** Options of `DnsSrvDiscovery`. */
export interface DnsSrvDiscoveryOptions {
  /**
   * The DNS name of a service: a text in which `{service}` stands for its name, or a function. A dot at the end makes it
   * absolute; otherwise the search domains apply. Default `"_http._tcp.{service}"`.
   */
  readonly name?: (string | ((service: string) => string)) | undefined
  /**
   * Servers to ask, in this order: `"10.0.0.2"`, `"127.0.0.1:8600"`, `"[2001:db8::2]:53"`; at most 8. Default: those of the
   * system.
   */
  readonly servers?: readonly string[] | undefined
  /** Domains that are appended to relative names. Default: those of the system. */
  readonly search?: readonly string[] | undefined
  /** Where the system keeps its servers and search domains. Default `/etc/resolv.conf`. */
  readonly resolvConf?: string | undefined
  /** How long one server may take to answer, in milliseconds. Default 2 000. */
  readonly timeoutMs?: number | undefined
  /** How often every server is asked before a question has failed. Default 2. */
  readonly tries?: number | undefined
  /**
   * How servers are asked: over UDP, and over TCP when they say that the answer is truncated, or over TCP from the start,
   * for servers that leave records out of datagrams without a word, as Consul does unless `enable_truncate` is set.
   * Default `udp`.
   */
  readonly transport?: 'udp' | 'tcp' | undefined
  /**
   * Whether targets become addresses. When not, the name of the target is the host, and is looked up when a connection is made.
   * Default true.
   */
  readonly resolveTargets?: boolean | undefined
  /** Only IPv4 (4) or only IPv6 (6) addresses. Default: both. */
  readonly family?: AddressFamily | undefined
  /** Where time comes from. Default: the platform. */
  readonly clock?: Clock | undefined
  /** Chance for the moments of refreshes. Ports and ids of queries are never made from it. */
  readonly random?: Random | undefined
}

const optionKeys: readonly (keyof DnsSrvDiscoveryOptions)[] = [
  'name',
  'servers',
  'search',
  'resolvConf',
  'timeoutMs',
  'tries',
  'transport',
  'resolveTargets',
  'family',
  'clock',
  'random',
]

/** @throws InvalidOptionError */
export function checkOptions(options: DnsSrvDiscoveryOptions): void {
  const path = 'DnsSrvDiscovery'
  checkKeys(path, options, optionKeys)
  checkName(`${path}.name`, options.name)
  checkServers(`${path}.servers`, options.servers)
  checkSearch(`${path}.search`, options.search)
  if (options.resolvConf !== undefined && (typeof options.resolvConf !== 'string' || options.resolvConf === '')) {
    rejectOption(`${path}.resolvConf`, 'the path of a file', options.resolvConf)
  }
  checkDurationMs(`${path}.timeoutMs`, options.timeoutMs, { min: 1 })
  checkInteger(`${path}.tries`, options.tries, 1, 10)
  if (options.transport !== undefined && options.transport !== 'udp' && options.transport !== 'tcp') {
    rejectOption(`${path}.transport`, '"udp" or "tcp"', options.transport)
  }
  checkBoolean(`${path}.resolveTargets`, options.resolveTargets)
  if (options.family !== undefined && options.family !== 4 && options.family !== 6) {
    rejectOption(`${path}.family`, '4 or 6, or absent for both', options.family)
  }
  checkFunction(`${path}.random`, options.random)
  checkClock(`${path}.clock`, options.clock)
}

function checkName(path: string, name: unknown): void {
  if (name === undefined || typeof name === 'function') return
  if (typeof name !== 'string') rejectOption(path, 'a text with {service} in it, or a function', name)
  const example = name.replaceAll('{service}', 's').replace(/\.$/, '')
  const problem = domainNameProblem(example)
  if (problem !== undefined) {
    rejectOption(path, 'a DNS name in which {service} stands for the name of the service', name, `It ${problem}`)
  }
}

function checkServers(path: string, servers: unknown): void {
  if (servers === undefined) return
  if (!Array.isArray(servers) || servers.length === 0 || servers.length > 8) {
    rejectOption(
      path,
      'an array of 1 to 8 addresses of DNS servers',
      servers,
      'Leave it out to ask those of the system',
    )
  }
  for (const [index, server] of servers.entries()) {
    if (typeof server === 'string' && parseNameServer(server) !== undefined) continue
    const remedy = 'A name cannot be used here: it would have to be looked up itself'
    rejectOption(`${path}[${index}]`, '"10.0.0.2", "10.0.0.2:53" or "[2001:db8::2]:53"', server, remedy)
  }
}

function checkSearch(path: string, search: unknown): void {
  if (search === undefined) return
  if (!Array.isArray(search)) rejectOption(path, 'an array of domains', search)
  for (const [index, domain] of search.entries()) {
    const problem = typeof domain === 'string' ? domainNameProblem(domain.replace(/\.$/, '')) : 'is no text'
    if (problem !== undefined)
      rejectOption(`${path}[${index}]`, 'a domain such as "example.org"', domain, `It ${problem}`)
  }
}
