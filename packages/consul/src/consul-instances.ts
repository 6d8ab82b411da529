import type { ServiceInstanceInit } from '@lb/core'

export interface MappingOptions {
  /** The key of `Service.Meta`, else of `Node.Meta`, that holds the zone. */
  readonly zoneKey: string
  /** How many of the first usable ones are used first; the others are the reserve. Absent: all. */
  readonly nearest?: number | undefined
}

type Fields = Readonly<Record<string, unknown>>

/**
 * The instances of an answer of `/v1/health/service`, sorted by id. What an entry says is passed on as it is, so that core leaves out the one
 * that makes no sense, and tells which field of it.
 */
export function consulInstances(entries: readonly unknown[], options: MappingOptions): ServiceInstanceInit[] {
  const instances = entries.map((entry) => instanceOf(entry, options.zoneKey))
  const ranked = options.nearest === undefined ? instances : withReserve(instances, options.nearest)
  return ranked.sort(byId)
}

function instanceOf(entry: unknown, zoneKey: string): ServiceInstanceInit {
  if (!isObject(entry) || !isObject(entry.Service)) return entry as ServiceInstanceInit
  const service = entry.Service
  const node = isObject(entry.Node) ? entry.Node : {}
  const meta = isObject(service.Meta) ? service.Meta : {}
  const status = statusOf(entry.Checks)
  const zone = nonEmptyText(meta, zoneKey) ?? nonEmptyText(node.Meta, zoneKey)
  const init: Fields = {
    id: idOf(node.Node, service.ID),
    host: service.Address === '' ? node.Address : (service.Address ?? node.Address),
    port: service.Port,
    weight: weightOf(service.Weights, status),
    priority: priorityOf(meta),
    secure: meta.secure === 'true',
    metadata: metadataOf(service, meta),
    healthy: status === 'passing' || status === 'warning',
    ...(zone === undefined ? {} : { zone }),
  }
  return init as ServiceInstanceInit & object
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
  for (const check of checks as unknown[]) {
    const { CheckID: id, Status: status } = isObject(check) ? check : {}
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
  // Somebody wants no traffic there, so not in panic either, which looks past ill health.
  if (status === 'maintenance') return 0
  if (weights === undefined || weights === null) return 1
  if (!isObject(weights)) return weights
  return (status === 'warning' ? weights.Warning : weights.Passing) ?? 1
}

/** Consul has no such field: `ConsulRegistrar` writes it, under a name that nobody else gives a meaning. */
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
function withReserve(instances: readonly ServiceInstanceInit[], count: number): ServiceInstanceInit[] {
  let usable = 0
  return instances.map((init) => {
    if (!isObject(init)) return init
    const { priority = 0, healthy, weight } = init as Exclude<ServiceInstanceInit, string>
    if (healthy === true && weight !== 0) usable++
    return usable > count ? { ...(init as Exclude<ServiceInstanceInit, string>), priority: priority + 1 } : init
  })
}

function byId(left: ServiceInstanceInit, right: ServiceInstanceInit): number {
  const [leftId = '', rightId = ''] = [nonEmptyText(left, 'id'), nonEmptyText(right, 'id')]
  return leftId < rightId ? -1 : leftId > rightId ? 1 : 0
}

function nonEmptyText(fields: unknown, key: string): string | undefined {
  if (!isObject(fields) || !Object.hasOwn(fields, key)) return undefined
  const value = fields[key]
  return typeof value === 'string' && value !== '' ? value : undefined
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
