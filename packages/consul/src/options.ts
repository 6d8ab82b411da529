import { checkBoolean, checkDurationMs, checkInteger, checkKeys, rejectOption } from '@lb/core/authoring'
import { type ConsulConnectionOptions, checkText, connectionKeys } from './connection-options.ts'

/** Options of `ConsulDiscovery`. */
export interface ConsulDiscoveryOptions extends ConsulConnectionOptions {
  /** The datacenter to query. @default that of the agent */
  readonly datacenter?: string | undefined
  /** Only instances with this tag, or with all of these. */
  readonly tag?: string | readonly string[] | undefined
  /** Only instances for which this expression holds, such as `Service.Meta.version == "2"`. The agent evaluates it. */
  readonly filter?: string | undefined
  /**
   * `true`: the agent leaves out instances that are warning or critical.
   * @default false: all of them are in the list with their health, which panic needs
   */
  readonly passing?: boolean | undefined
  /**
   * Only the `count` nearest usable instances take traffic (priority 0); the others are the reserve (priority 1). Near to `node`, by round
   * trip time; default `_agent`, the agent that is asked.
   */
  readonly near?: { readonly count: number; readonly node?: string | undefined } | undefined
  /**
   * `stale`: any server may answer, also one that lags behind or has no leader. `consistent`: the leader makes sure that it is still
   * the leader.
   * @default the leader answers
   */
  readonly consistency?: 'default' | 'stale' | 'consistent' | undefined
  /** The key of a service's metadata, else of its node's, that holds the zone. @default 'zone' */
  readonly zoneKey?: string | undefined
  /**
   * How long the agent holds a query open when nothing changes, in milliseconds, at most 600 000; it adds up to a sixteenth. An agent that
   * is gone without a word is noticed after that and `timeoutMs`.
   * @default 50_000: less than the minute after which many proxies cut
   */
  readonly waitMs?: number | undefined
  /**
   * How many services are watched by blocking queries, each of which takes a connection of its own; further ones are polled. 8 more
   * connections are for all else. An agent cuts off a client that has more connections than `limits.http_max_conns_per_client`, 200.
   * @default 100
   */
  readonly maxBlockingQueries?: number | undefined
  /** How often further services are polled, in milliseconds, ≥ 100. @default 10_000 */
  readonly pollIntervalMs?: number | undefined
  /** Longest time between two queries for a service that changes all the time, in milliseconds, ≥ 100. @default 15_000 */
  readonly churnIntervalMs?: number | undefined
}

const discoveryKeys: readonly (keyof ConsulDiscoveryOptions)[] = [
  ...connectionKeys,
  'datacenter',
  'tag',
  'filter',
  'passing',
  'near',
  'consistency',
  'zoneKey',
  'waitMs',
  'maxBlockingQueries',
  'pollIntervalMs',
  'churnIntervalMs',
]

const consistencies: readonly unknown[] = [undefined, 'default', 'stale', 'consistent']

/** Those of the connection are checked by `connectionOf`. @throws InvalidOptionError */
export function checkDiscoveryOptions(path: string, options: ConsulDiscoveryOptions): void {
  checkKeys(path, options, discoveryKeys)
  for (const name of ['datacenter', 'filter', 'zoneKey'] as const) checkText(`${path}.${name}`, options[name])
  for (const tag of tagsOf(options.tag)) checkText(`${path}.tag`, tag ?? null)
  checkBoolean(`${path}.passing`, options.passing)
  checkNear(`${path}.near`, options.near)
  if (!consistencies.includes(options.consistency)) {
    rejectOption(`${path}.consistency`, '"default", "stale" or "consistent"', options.consistency)
  }
  checkDurationMs(`${path}.waitMs`, options.waitMs, { min: 1_000 })
  if ((options.waitMs ?? 0) > 600_000) {
    rejectOption(`${path}.waitMs`, 'at most 600 000, as Consul never waits longer', options.waitMs)
  }
  checkInteger(`${path}.maxBlockingQueries`, options.maxBlockingQueries, 0, 9_000)
  checkDurationMs(`${path}.pollIntervalMs`, options.pollIntervalMs, { min: 100 })
  checkDurationMs(`${path}.churnIntervalMs`, options.churnIntervalMs, { min: 100 })
}

export function tagsOf(tag: string | readonly string[] | undefined): readonly string[] {
  return tag === undefined
    ? []
    : typeof tag === 'string'
      ? [tag]
      : Array.isArray(tag)
        ? tag
        : [tag as unknown as string]
}

function checkNear(path: string, near: ConsulDiscoveryOptions['near']): void {
  if (near === undefined) return
  checkKeys(path, near, ['count', 'node'])
  if (near.count === undefined) rejectOption(`${path}.count`, 'a number of instances', near.count)
  checkInteger(`${path}.count`, near.count, 1, 1_000_000)
  checkText(`${path}.node`, near.node)
}
