import type { Clock, Random } from '@lb/core'
import { checkClock, checkDurationMs, checkFunction, checkInteger, checkKeys, rejectOption } from '@lb/core/authoring'
import { parseServerUrl } from './server-url.ts'
import { checkTls, type TlsOptions, type TlsSource } from './tls.ts'

/** Options of `RegistryClient`. */
export interface RegistryClientOptions {
  /** The name of the discovery or registrar that sends the requests, for messages, such as `ConsulDiscovery`. */
  readonly owner: string
  /**
   * The servers of the registry: `http://host:port` or `https://host:port`, optionally with a path. When one fails, the next is tried.
   * Their order is random, once for each client, so that a fleet spreads over them.
   */
  readonly servers: readonly string[]
  /** How `https:` servers are verified. A function is called for each connection, for certificates that are renewed. */
  readonly tls?: TlsOptions | TlsSource | undefined
  /**
   * A server fails if it does not accept a connection, or answer a request, within this many milliseconds.
   * @default 5_000
   */
  readonly timeoutMs?: number | undefined
  /** Largest body of an answer, and longest line of a stream, in bytes. @default 64 MiB */
  readonly maxAnswerBytes?: number | undefined
  /** Most connections to one server. @default no limit, since a watch takes one for itself */
  readonly maxConnections?: number | undefined
  /** Source of time. @default systemClock */
  readonly clock?: Clock | undefined
  /** Source of random numbers in [0, 1), for the order of servers. @default Math.random */
  readonly random?: Random | undefined
}

const optionKeys: readonly (keyof RegistryClientOptions)[] = [
  'owner',
  'servers',
  'tls',
  'timeoutMs',
  'maxAnswerBytes',
  'maxConnections',
  'clock',
  'random',
]

/** Strings cannot be longer than about 512 MiB. */
const maxAnswerBytesLimit = 2 ** 28

/** @throws InvalidOptionError */
export function checkClientOptions(options: RegistryClientOptions): void {
  const { owner, servers } = options ?? {}
  const path = typeof owner === 'string' && owner !== '' ? owner : 'RegistryClient'
  checkKeys(path, options, optionKeys)
  if (path !== owner) rejectOption(`${path}.owner`, 'the name of a class, for messages', owner)
  if (!Array.isArray(servers) || servers.length === 0) {
    rejectOption(`${path}.servers`, 'an array of one or more URLs of servers', servers)
  }
  for (const [index, server] of servers.entries()) parseServerUrl(`${path}.servers[${index}]`, server)
  if (typeof options.tls !== 'function') checkTls(`${path}.tls`, options.tls)
  checkDurationMs(`${path}.timeoutMs`, options.timeoutMs, { min: 1 })
  checkInteger(`${path}.maxAnswerBytes`, options.maxAnswerBytes, 1, maxAnswerBytesLimit)
  checkInteger(`${path}.maxConnections`, options.maxConnections, 1, 10_000)
  checkFunction(`${path}.random`, options.random)
  checkClock(`${path}.clock`, options.clock)
}
