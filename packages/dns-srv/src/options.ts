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

/** Options that all discoveries by DNS have. */
export interface LookupOptions {
  /**
   * The DNS name of a service: a text in which `{service}` stands for its name, or a function. A dot at the end makes it
   * absolute; otherwise the search domains apply. Default: `"{service}"` for `DnsDiscovery`, `"_http._tcp.{service}"` for
   * `DnsSrvDiscovery`, `"_{service}._tcp"` for `DnsSdDiscovery`.
   */
  readonly name?: (string | ((service: string) => string)) | undefined
  /**
   * Servers to ask, in this order: `"10.0.0.2"`, `"127.0.0.1:8600"`, `"[2001:db8::2]:53"`; at most 8. Default: those of the
   * system.
   */
  readonly servers?: readonly string[] | undefined
  /** Domains that are appended to relative names. Default: those of the system. */
  readonly search?: readonly string[] | undefined
  /**
   * Where the system keeps its servers, its search domains and the options `ndots`, `timeout`, `attempts`, `use-vc` and `rotate`.
   * Default `/etc/resolv.conf`.
   */
  readonly resolvConf?: string | undefined
  /** How long one server may take to answer, in milliseconds. Default: the system's option `timeout`, else 2 000. */
  readonly timeoutMs?: number | undefined
  /** How often every server is asked before a question has failed. Default: the system's option `attempts`, else 2. */
  readonly tries?: number | undefined
  /**
   * How servers are asked: over UDP, and over TCP when they say that the answer is truncated, or over TCP from the start,
   * for servers that leave records out of datagrams without a word, as Consul does unless `enable_truncate` is set.
   * Default `tcp` if the system has the option `use-vc`, else `udp`.
   */
  readonly transport?: 'udp' | 'tcp' | undefined
  /** Only IPv4 (4) or only IPv6 (6) addresses. Default: both. */
  readonly family?: AddressFamily | undefined
  /**
   * Whether addresses of a family, IPv4 or IPv6, are left out if this machine has no route to any of them. Default true.
   */
  readonly checkRoutes?: boolean | undefined
  /**
   * How long an instance that is missing from an answer stays, in milliseconds, unless it does not work or the answer is shorter
   * than an earlier one. 0: each answer is the whole list. Default: three times to live, and longer once answers are known to be
   * samples.
   */
  readonly missingGraceMs?: number | undefined
  /** Where time comes from. Default: the platform. */
  readonly clock?: Clock | undefined
  /** Chance for the moments of refreshes. Ports and ids of queries are never made from it. */
  readonly random?: Random | undefined
}

/** Options of discoveries that find targets, which have addresses. */
export interface TargetOptions {
  /**
   * Whether targets become addresses. When not, the name of the target is the host, and is looked up when a connection is made.
   * Default true.
   */
  readonly resolveTargets?: boolean | undefined
}

/** Options of `DnsSrvDiscovery`. */
export interface DnsSrvDiscoveryOptions extends LookupOptions, TargetOptions {}

/** Options of `DnsDiscovery`. */
export interface DnsDiscoveryOptions extends LookupOptions {
  /** The port of every instance, 1 to 65 535. Required. */
  readonly port: number
  /** Whether instances are reached by https. Default false. */
  readonly secure?: boolean | undefined
}

/** Which attributes of TXT records mean more than metadata. Case has no meaning. */
export interface TxtKeys {
  /** The key of the weight, a number ≥ 0, which takes the place of the SRV record's. Default: none. */
  readonly weight?: string | undefined
  /** The key of the zone. Default: none. */
  readonly zone?: string | undefined
  /** The key of the version, which becomes `version` in the metadata. Default: none. */
  readonly version?: string | undefined
}

/** Options of `DnsSdDiscovery`. */
export interface DnsSdDiscoveryOptions extends LookupOptions, TargetOptions {
  /** Which attributes of TXT records mean more than metadata. Default: none. */
  readonly txtKeys?: TxtKeys | undefined
}

const lookupKeys: readonly (keyof LookupOptions)[] = [
  'name',
  'servers',
  'search',
  'resolvConf',
  'timeoutMs',
  'tries',
  'transport',
  'family',
  'checkRoutes',
  'missingGraceMs',
  'clock',
  'random',
]

/** @throws InvalidOptionError */
export function checkDnsSrvOptions(options: DnsSrvDiscoveryOptions): void {
  const path = 'DnsSrvDiscovery'
  checkLookupOptions(path, options, ['resolveTargets'])
  checkBoolean(`${path}.resolveTargets`, options.resolveTargets)
}

/** @throws InvalidOptionError */
export function checkDnsOptions(options: DnsDiscoveryOptions): void {
  const path = 'DnsDiscovery'
  checkLookupOptions(path, options, ['port', 'secure'])
  if (options.port === undefined) rejectOption(`${path}.port`, 'the port of the instances, 1 to 65535', undefined)
  checkInteger(`${path}.port`, options.port, 1, 65_535)
  checkBoolean(`${path}.secure`, options.secure)
}

/** @throws InvalidOptionError */
export function checkDnsSdOptions(options: DnsSdDiscoveryOptions): void {
  const path = 'DnsSdDiscovery'
  checkLookupOptions(path, options, ['resolveTargets', 'txtKeys'])
  checkBoolean(`${path}.resolveTargets`, options.resolveTargets)
  const { txtKeys = {} } = options
  checkKeys(`${path}.txtKeys`, txtKeys, ['weight', 'zone', 'version'])
  for (const [field, key] of Object.entries(txtKeys)) {
    if (key === undefined || (typeof key === 'string' && /^[ -<>-~]+$/.test(key))) continue
    rejectOption(`${path}.txtKeys.${field}`, 'the key of an attribute: printable ASCII characters other than "="', key)
  }
}

function checkLookupOptions(path: string, options: LookupOptions, further: readonly string[]): void {
  checkKeys(path, options, [...lookupKeys, ...further])
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
  if (options.family !== undefined && options.family !== 4 && options.family !== 6) {
    rejectOption(`${path}.family`, '4 or 6, or absent for both', options.family)
  }
  checkBoolean(`${path}.checkRoutes`, options.checkRoutes)
  checkDurationMs(`${path}.missingGraceMs`, options.missingGraceMs)
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
