import type { Clock, Random } from '@lb/core'
import { checkClock, checkDurationMs, checkFunction, checkInteger, checkKeys, rejectOption } from '@lb/core/authoring'
import { parseServerUrl } from './server-url.ts'
import { checkTls, type TlsOptions, type TlsSource } from './tls.ts'

/** Options of `RegistryClient`. */
export interface RegistryClientOptions {
  /** Whose requests these are, for messages: the name of the discovery or registrar, such as `ConsulDiscovery`. */
  readonly owner: string
  /**
   * Where the registry is: `http://host:port` or `https://host:port`, optionally with a path. Tried in turn when one fails, in an order
   * that is random once for each client, so that a fleet spreads over them.
   */
  readonly servers: readonly string[]
  /** For `https:` servers. A function is asked for each connection, for certificates that are renewed. */
  readonly tls?: TlsOptions | TlsSource | undefined
  /**
   * A server that has not answered a request after this many milliseconds has failed, and one that took no connection within it.
   * Default 5 000.
   */
  readonly timeoutMs?: number | undefined
  /** Largest body of an answer, and longest line of a stream, in bytes. Default 64 MiB. */
  readonly maxAnswerBytes?: number | undefined
  /** Most connections to one server. Default: no limit, since a watch takes one for itself. */
  readonly maxConnections?: number | undefined
  /** Where time comes from. Default: the platform. */
  readonly clock?: Clock | undefined
  /** Chance for the order of servers. */
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
