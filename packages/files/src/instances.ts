import { InvalidInstanceError, parseInstance, type ServiceInstanceInit } from '@lb/core'
import { type InstanceList, readInstances } from '@lb/core/authoring'
import type { TargetGroups } from './target-groups.ts'

type Labels = ReadonlyMap<string, string>

/** A place in a file, with what was found there. */
interface Target {
  readonly place: string
  readonly group: unknown
  readonly address: unknown
}

/**
 * The instances of the groups that `isOfService` takes. A target or group that makes no sense is rejected by its place, such as
 * `users.yaml[0].targets[1]`.
 */
export function instancesOf(
  path: string,
  groups: TargetGroups,
  isOfService: (labels: Labels) => boolean,
): InstanceList {
  return readInstances(
    groups.flatMap((group, index) => targetsOf(`${path}[${index}]`, group)),
    ({ group, address }) => {
      const labels = labelsOf(group)
      return isOfService(labels) ? instanceOf(address, labels) : undefined
    },
    ({ place }) => place,
  )
}

function targetsOf(place: string, group: unknown): Target[] {
  const targets: unknown = Object(group).targets
  // Without them, the place of the group is rejected.
  if (!Array.isArray(targets)) return [{ place, group, address: undefined }]
  return targets.map((address: unknown, index) => ({ place: `${place}.targets[${index}]`, group, address }))
}

function labelsOf(group: unknown): Labels {
  if (typeof group !== 'object' || group === null || Array.isArray(group)) {
    throw new InvalidInstanceError('group', 'a group must be an object with targets and labels')
  }
  const labels: unknown = 'labels' in group ? (group.labels ?? {}) : {}
  if (typeof labels !== 'object' || labels === null || Array.isArray(labels)) {
    throw new InvalidInstanceError('labels', 'labels must be an object of texts')
  }
  return new Map(Object.entries(labels).map(([name, value]) => [name, textOf(name, value)]))
}

/** YAML reads `weight: 5` as a number. */
function textOf(name: string, value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw new InvalidInstanceError(`labels.${name}`, `labels.${name} must be a text, a number or a boolean`)
}

function instanceOf(address: unknown, labels: Labels): ServiceInstanceInit {
  if (address === undefined) throw new InvalidInstanceError('targets', 'targets must be an array of "host:port"')
  if (typeof address !== 'string')
    throw new InvalidInstanceError('target', 'a target must be a text such as "10.0.0.1:8080"')
  const { host, port, secure } = parseInstance(address)
  const zone = labels.get('zone')
  return {
    host,
    port,
    secure: secure || secureIn(labels),
    weight: numberIn(labels, 'weight', 1),
    priority: numberIn(labels, 'priority', 0),
    ...(zone === undefined || zone === '' ? {} : { zone }),
    metadata: Object.fromEntries([...labels].filter(([name]) => !isRead(name))),
  }
}

const fields: ReadonlySet<string> = new Set(['weight', 'priority', 'zone', 'secure'])

/** Labels that begin with two underscores are Prometheus' own. */
function isRead(name: string): boolean {
  return fields.has(name) || name.startsWith('__')
}

function secureIn(labels: Labels): boolean {
  const { secure = 'false', scheme = 'http' } = { secure: labels.get('secure'), scheme: labels.get('__scheme__') }
  if (secure === 'true' || secure === 'false') return secure === 'true' || scheme === 'https'
  throw new InvalidInstanceError(
    'labels.secure',
    `labels.secure must be "true" or "false", got ${JSON.stringify(secure)}`,
  )
}

function numberIn(labels: Labels, name: string, absent: number): number {
  const text = labels.get(name)
  if (text === undefined) return absent
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text)
  throw new InvalidInstanceError(`labels.${name}`, `labels.${name} must be a number ≥ 0, got ${JSON.stringify(text)}`)
}
