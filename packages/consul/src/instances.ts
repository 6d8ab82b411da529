import { InvalidInstanceError, parseInstance, type ServiceInstance } from '@lb/core'
import { type InstanceList, readInstances } from '@lb/core/authoring'
import { httpAddress } from './tagged-addresses.ts'

export interface MappingOptions {
  /** The key of `Service.Meta`, else of `Node.Meta`, that holds the zone. */
  readonly zoneKey: string
  /** How many of the first usable ones are used first; the others are the reserve. Absent: all. */
  readonly nearest?: number | undefined
}

type Fields = Readonly<Record<string, unknown>>

/** The instances of an answer of `/v1/health/service`, sorted by id. An entry that makes no sense is rejected by its node and ID. */
export function consulInstances(entries: readonly unknown[], options: MappingOptions): InstanceList {
  const { instances, rejected } = readInstances(entries, (entry) => instanceOf(entry, options.zoneKey), nameOf)
  const ranked = options.nearest === undefined ? [...instances] : withReserve(instances, options.nearest)
  return { instances: ranked.sort(byId), rejected }
}

/** Whether two lists that are sorted by id say the same. Blocking queries come back without a change, too. */
export function sameInstances(left: InstanceList, right: InstanceList): boolean {
  if (left.instances.length !== right.instances.length || left.rejected.length !== right.rejected.length) return false
  return (
    left.instances.every((instance, index) => JSON.stringify(instance) === JSON.stringify(right.instances[index])) &&
    left.rejected.every(({ message }, index) => message === right.rejected[index]?.message)
  )
}

function instanceOf(entry: unknown, zoneKey: string): Fields {
  const { Service: service, Node: given, Checks: checks } = fieldsOf(entry)
  if (!isObject(service)) throw new InvalidInstanceError('Service', 'the entry has no Service')
  const node = fieldsOf(given)
  const meta = fieldsOf(service.Meta)
  const status = statusOf(checks)
  const tagged = httpAddress(service.TaggedAddresses, service.Port)
  const zone = nonEmptyText(meta, zoneKey) ?? nonEmptyText(node.Meta, zoneKey)
  return {
    id: idOf(node.Node, service.ID),
    host: tagged?.host ?? (service.Address === '' ? node.Address : (service.Address ?? node.Address)),
    port: tagged?.port ?? service.Port,
    weight: weightOf(service.Weights, status),
    priority: priorityOf(meta),
    secure: tagged?.secure === true || meta.secure === 'true',
    metadata: metadataOf(service, meta),
    healthy: status === 'passing' || status === 'warning',
    ...(zone === undefined ? {} : { zone }),
  }
}

/** What an entry is called in messages. */
function nameOf(entry: unknown): string {
  const { Service: service, Node: node } = fieldsOf(entry)
  const [id, name] = [nonEmptyText(service, 'ID'), nonEmptyText(node, 'Node')]
  return id === undefined ? 'an entry without an ID' : `service ${id} on node ${name ?? 'without a name'}`
}

/** The ID of a service is unique on its node only. The empty one of an entry without is refused by core. */
function idOf(node: unknown, id: unknown): string {
  return typeof node === 'string' && node !== '' && typeof id === 'string' && id !== '' ? `${node}/${id}` : ''
}

/**
 * The worst of all checks, those of the node included. Maintenance is a critical check with a name of its own; whatever else is neither
 * passing nor warning is critical.
 */
function statusOf(checks: unknown): 'passing' | 'warning' | 'critical' | 'maintenance' {
  if (checks === undefined || checks === null) return 'passing'
  if (!Array.isArray(checks)) return 'critical'
  let worst: 'passing' | 'warning' | 'critical' = 'passing'
  for (const check of checks) {
    const { CheckID: id, Status: status } = fieldsOf(check)
    if (status === 'passing') continue
    if (status === 'warning') worst = worst === 'critical' ? worst : 'warning'
    else if (isMaintenance(id)) return 'maintenance'
    else worst = 'critical'
  }
  return worst
}

function isMaintenance(id: unknown): boolean {
  return typeof id === 'string' && (id === '_node_maintenance' || id.startsWith('_service_maintenance:'))
}

function weightOf(weights: unknown, status: string): unknown {
  // No traffic is wanted there, not even in panic, which looks past ill health.
  if (status === 'maintenance') return 0
  if (weights === undefined || weights === null) return 1
  if (!isObject(weights)) return weights
  return (status === 'warning' ? weights.Warning : weights.Passing) ?? 1
}

/** Consul has no such field: `ConsulRegistrar` writes it, under a name that means nothing to others. */
export const priorityKey = 'lb-priority'

function priorityOf(meta: Fields): number {
  const text = meta[priorityKey]
  return typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : 0
}

function metadataOf({ Meta: given, Tags: tags }: Fields, meta: Fields): unknown {
  if (given !== undefined && given !== null && !isObject(given)) return given
  const texts = Array.isArray(tags) ? tags.filter((tag) => typeof tag === 'string') : []
  return texts.length === 0 || Object.hasOwn(meta, 'tags') ? meta : { ...meta, tags: texts.join(',') }
}

/** Those beyond the first `count` that can take traffic come one priority later. */
function withReserve(instances: readonly ServiceInstance[], count: number): ServiceInstance[] {
  let usable = 0
  return instances.map((instance) => {
    if (instance.healthy === true && instance.weight !== 0) usable++
    return usable > count ? parseInstance({ ...instance, priority: instance.priority + 1 }) : instance
  })
}

function byId(left: ServiceInstance, right: ServiceInstance): number {
  return left.id < right.id ? -1 : left.id > right.id ? 1 : 0
}

function fieldsOf(value: unknown): Fields {
  return isObject(value) ? value : {}
}

function nonEmptyText(fields: unknown, key: string): string | undefined {
  if (!isObject(fields) || !Object.hasOwn(fields, key)) return undefined
  const value = fields[key]
  return typeof value === 'string' && value !== '' ? value : undefined
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
