import type { ServiceInstanceInit } from '@lb/core'
import type { ApiVersion } from './api-version.ts'
import { type GroupedName, joinedName } from './service-name.ts'

/** What an answer to the question for the instances of a service says. */
export interface InstanceList {
  readonly instances: readonly ServiceInstanceInit[]
  /** How long the list may be used, in milliseconds; version 3 does not say. */
  readonly cacheMillis?: number
}

/** What came is not an answer that Nacos gives. The message is for people. */
export class MalformedAnswer extends Error {}

/** The cluster of instances that name none. */
export const defaultCluster = 'DEFAULT'

/**
 * Reads an answer field by field. Instances that are switched off are left out, as version 3 does; unhealthy and drained ones (weight 0) stay
 * in, marked as such, so that core can panic. An entry that is no instance is handed on all the same: core drops it and tells why.
 *
 * @throws MalformedAnswer
 */
export function readInstanceList(version: ApiVersion, answer: unknown, service: GroupedName): InstanceList {
  const { hosts, cacheMillis, reachProtectionThreshold } = version === 'v3' ? flatList(answer) : serviceInfo(answer)
  if (!Array.isArray(hosts)) throw new MalformedAnswer('it has no list of instances')
  const isProtected = reachProtectionThreshold === true
  const instances: ServiceInstanceInit[] = []
  for (const host of hosts as unknown[]) {
    // Nacos' own clients pass over null.
    if (host === null) continue
    const fields = isRecord(host) ? host : {}
    if (fields.enabled !== false) instances.push(instanceOf(fields, service, isProtected))
  }
  return typeof cacheMillis === 'number' && cacheMillis > 0 ? { instances, cacheMillis } : { instances }
}

interface Fields {
  readonly hosts?: unknown
  readonly cacheMillis?: unknown
  readonly reachProtectionThreshold?: unknown
}

function serviceInfo(answer: unknown): Fields {
  if (typeof answer !== 'object' || answer === null) throw new MalformedAnswer('it is no object')
  return answer
}

function flatList(answer: unknown): Fields {
  return { hosts: readEnvelope(answer) }
}

/** The `data` of an answer of version 3. @throws MalformedAnswer when it is none, or one that says that something is wrong */
function readEnvelope(answer: unknown): unknown {
  if (typeof answer !== 'object' || answer === null) throw new MalformedAnswer('it is no object')
  const { code, message, data } = answer as { code?: unknown; message?: unknown; data?: unknown }
  if (code === 0) return data
  if (typeof code !== 'number') throw new MalformedAnswer('it has no code')
  throw new MalformedAnswer(`code ${code}${typeof message === 'string' ? `, ${message}` : ''}`)
}

type Host = Readonly<Record<string, unknown>>

/**
 * The same id whichever version of the API told it, so that nothing is forgotten when that changes: version 3 may leave out `instanceId`.
 * It is what Nacos itself makes of these parts.
 */
function idOf({ ip, port }: Host, cluster: string, service: GroupedName): string {
  // Anything else has no id: core refuses it for its host or port.
  if (typeof ip !== 'string' || typeof port !== 'number') return ''
  return `${ip}#${port}#${cluster}#${joinedName(service)}`
}

function instanceOf(host: Host, service: GroupedName, isProtected: boolean): ServiceInstanceInit {
  const { ip, port, weight, healthy, clusterName } = host
  const cluster = typeof clusterName === 'string' && clusterName !== '' ? clusterName : defaultCluster
  const metadata = metadataOf(host.metadata)
  if (isRecord(metadata)) {
    metadata['nacos.cluster'] = cluster
    if (isProtected) metadata['nacos.protected'] = 'true'
  }
  const labels = isRecord(metadata) ? metadata : {}
  const zone = labels.zone === undefined ? zoneOf(cluster) : labels.zone
  // Unchecked: core checks every field, and names the one at fault.
  return {
    id: idOf(host, cluster, service),
    host: ip as string,
    port: port as number,
    ...(weight !== undefined && { weight: weight as number }),
    ...(healthy !== undefined && { healthy: healthy as boolean }),
    ...(zone !== undefined && zone !== '' && { zone: zone as string }),
    priority: priorityOf(labels[priorityKey]),
    secure: labels.secure === 'true',
    metadata: metadata as Record<string, string>,
  }
}

/** Nacos has no such field: `NacosRegistrar` writes it, under a name that nobody else gives a meaning. */
export const priorityKey = 'lb-priority'

function priorityOf(text: unknown): number {
  return typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : 0
}

/** In Nacos, instances in one data centre are a cluster; where nobody names one, it says nothing. */
function zoneOf(cluster: string): string | undefined {
  return cluster === defaultCluster ? undefined : cluster
}

/** A copy without the values that are null, which Java's maps can have. */
function metadataOf(value: unknown): unknown {
  if (value === undefined || value === null) return Object.create(null)
  if (typeof value !== 'object' || Array.isArray(value)) return value
  const metadata: Record<string, unknown> = Object.create(null)
  for (const [key, entry] of Object.entries(value)) if (entry !== null) metadata[key] = entry
  return metadata
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
