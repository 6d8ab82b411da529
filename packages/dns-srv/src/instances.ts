import type { ServiceInstance } from '@lb/core'
import { DnsFailure } from './errors.ts'
import type { SrvRecord } from './message.ts'
import { partsOf, withoutZeros } from './srv-weights.ts'

/** What becomes an instance; the rest has core's defaults. */
export type SrvInstance = Pick<ServiceInstance, 'host' | 'port' | 'weight' | 'priority'> & {
  readonly metadata?: { readonly target: string }
}

/** A record names a host, and hosts have many addresses: hostile answers multiply. Beyond this the answer is refused. */
export const maxInstances = 4_096

/** RFC 2782: a service whose only target is the root is decidedly not available. */
export function isDecidedlyUnavailable(records: readonly SrvRecord[]): boolean {
  return records.length > 0 && records.every(({ target }) => target === '')
}

/**
 * One instance for each address and port; `hostsOf` gives the hosts of a target. The order of the records makes no
 * difference.
 *
 * - The weight of a record is shared equally by its addresses: RFC 2782 weighs targets.
 * - An address and port named by several records of a priority is one instance that has all their weights; of several
 *   priorities the one used first counts.
 *
 * @throws DnsFailure LIMIT
 */
export function srvInstances(
  records: readonly SrvRecord[],
  hostsOf: (target: string) => readonly string[],
  { withTarget }: { readonly withTarget: boolean },
): SrvInstance[] {
  const instances = new Map<string, SrvInstance>()
  for (const level of byPriority(records)) {
    const hosts = level.map(({ target }) => hostsOf(target))
    const weights = partsOf(
      withoutZeros(level.map(({ weight }) => weight)),
      hosts.map(({ length }) => length),
    )
    for (const [index, record] of level.entries()) {
      for (const host of hosts[index] ?? []) {
        add(instances, record, host, weights[index] ?? 1, withTarget)
        if (instances.size > maxInstances) throw new DnsFailure('LIMIT', `more than ${maxInstances} instances`)
      }
    }
  }
  return [...instances.values()]
}

function add(
  instances: Map<string, SrvInstance>,
  { priority, port, target }: SrvRecord,
  host: string,
  weight: number,
  withTarget: boolean,
): void {
  const key = `${host}:${port}`
  const existing = instances.get(key)
  if (existing === undefined) {
    instances.set(key, { host, port, weight, priority, ...(withTarget ? { metadata: { target } } : {}) })
  } else if (existing.priority === priority) {
    instances.set(key, { ...existing, weight: existing.weight + weight })
  }
}

/** Records by priority, the one used first at the front, in an order of their own, each record once. */
function byPriority(records: readonly SrvRecord[]): SrvRecord[][] {
  const levels = new Map<number, Map<string, SrvRecord>>()
  for (const record of records) {
    if (record.target === '') continue
    const level = levels.get(record.priority) ?? new Map<string, SrvRecord>()
    level.set(`${record.target} ${record.port} ${record.weight}`, record)
    levels.set(record.priority, level)
  }
  return [...levels.entries()].sort(([left], [right]) => left - right).map(([, level]) => sorted(level))
}

function sorted(level: ReadonlyMap<string, SrvRecord>): SrvRecord[] {
  return [...level.entries()].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, record]) => record)
}
