import { type InstanceList, readInstances } from '@lb/core/authoring'
import type { ApiVersion } from './api-version.ts'
import { MalformedAnswer } from './errors.ts'
import type { WeightOf } from './options.ts'
import { type GroupedName, joinedName } from './service-name.ts'

/** What an answer to the question for the instances of a service says. */
export interface NacosList extends InstanceList {
  /** How long the list may be used, in milliseconds; version 3 does not say. */
  readonly cacheMillis?: number
}

/** The cluster of instances that name none. */
export const defaultCluster = 'DEFAULT'

/**
 * Reads an answer field by field. Instances that are switched off are left out, as version 3 does; unhealthy and drained ones (weight 0) stay
 * in, marked as such, so that core can panic. An entry that is no instance is rejected, by its address.
 *
 * @throws MalformedAnswer
 */
export function readInstanceList(
  version: ApiVersion,
  answer: unknown,
  service: GroupedName,
  weightOf?: WeightOf,
): NacosList {
  const { hosts, cacheMillis, reachProtectionThreshold } = version === 'v3' ? flatList(answer) : serviceInfo(answer)
  if (!Array.isArray(hosts)) throw new MalformedAnswer('it has no list of instances')
  const isProtected = reachProtectionThreshold === true
  const read = (host: unknown): unknown => {
    // Nacos' own clients pass over null.
    if (host === null) return undefined
    const fields = isRecord(host) ? host : {}
    return fields.enabled === false ? undefined : instanceOf(fields, { service, isProtected, weightOf })
  }
  const list = readInstances(hosts, read, nameOf)
  return typeof cacheMillis === 'number' && cacheMillis > 0 ? { ...list, cacheMillis } : list
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
  if (!isRecord(answer)) throw new MalformedAnswer('it is no object')
  const { code, message, data } = answer
  if (code === 0) return data
  if (typeof code !== 'number') throw new MalformedAnswer('it has no code')
  throw new MalformedAnswer(`code ${code}${typeof message === 'string' ? `, ${message}` : ''}`)
}

type Host = Readonly<Record<string, unknown>>

/** What an entry is called in messages. */
function nameOf(host: unknown): string {
  const { ip, port } = isRecord(host) ? host : {}
  return typeof ip === 'string' ? `instance ${ip} port ${String(port)}` : 'an instance without an ip'
}

/**
 * The same id whichever version of the API it comes from, so that nothing is forgotten when that changes: version 3 may leave out `instanceId`.
 * It is what Nacos itself makes of these parts.
 */
function idOf({ ip, port }: Host, cluster: string, service: GroupedName): string {
  // Anything else has no id: core refuses it for its host or port.
  if (typeof ip !== 'string' || typeof port !== 'number') return ''
  return `${ip}#${port}#${cluster}#${joinedName(service)}`
}

interface Reading {
  readonly service: GroupedName
  readonly isProtected: boolean
  readonly weightOf: WeightOf | undefined
}

function instanceOf(host: Host, { service, isProtected, weightOf }: Reading): Host {
  const { ip, port, healthy, clusterName } = host
  const cluster = typeof clusterName === 'string' && clusterName !== '' ? clusterName : defaultCluster
  const metadata = metadataOf(host.metadata)
  if (isRecord(metadata)) {
    metadata['nacos.cluster'] = cluster
    if (isProtected) metadata['nacos.protected'] = 'true'
  }
  const labels = isRecord(metadata) ? metadata : {}
  const weight =
    weightOf !== undefined && typeof host.weight === 'number'
      ? weightOf(host.weight, labels as Readonly<Record<string, string>>)
      : host.weight
  const zone = labels.zone === undefined ? zoneOf(cluster) : labels.zone
  return {
    id: idOf(host, cluster, service),
    host: ip,
    port,
    ...(weight !== undefined && { weight }),
    ...(healthy !== undefined && { healthy }),
    ...(zone !== undefined && zone !== '' && { zone }),
    priority: priorityOf(labels[priorityKey]),
    secure: labels.secure === 'true' || labels.kind === 'https',
    metadata,
  }
}

/** Nacos has no such field: `NacosRegistrar` writes it, under a name that means nothing to others. */
export const priorityKey = 'lb-priority'

function priorityOf(text: unknown): number {
  return typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : 0
}

/** In Nacos, instances in one data centre are a cluster; where none is named, it says nothing. */
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
