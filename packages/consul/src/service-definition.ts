import { InvalidInstanceError, type ServiceInstance } from '@lb/core'
import { originOf } from '@lb/core/authoring'
import { priorityKey } from './instances.ts'
import type { RegistrarSettings } from './registrar-options.ts'
import { type TaggedAddresses, taggedAddress } from './tagged-addresses.ts'

/** An instance as an agent registers it. */
export interface ServiceDefinition {
  readonly ID: string
  readonly Name: string
  readonly Tags: readonly string[]
  readonly Address: string
  readonly Port: number
  /** With TLS only. */
  readonly TaggedAddresses?: TaggedAddresses
  readonly Meta: Readonly<Record<string, string>>
  readonly Weights: { readonly Passing: number; readonly Warning: number }
  readonly Check: Readonly<Record<string, string | boolean>> & { readonly CheckID: string }
}

const maxWeight = 65_535

/** @throws InvalidInstanceError when Consul cannot hold the instance */
export function serviceDefinition(
  service: string,
  instance: ServiceInstance,
  settings: RegistrarSettings,
): ServiceDefinition {
  const { host, port, weight, secure } = instance
  if (!Number.isInteger(weight) || weight < 1 || weight > maxWeight) {
    const remedy = weight === 0 ? '. To drain it, register it and use maintenance(true)' : ''
    const message = `weight of an instance must be an integer in [1, ${maxWeight}] for Consul, got ${weight}${remedy}`
    throw new InvalidInstanceError('weight', message, { service })
  }
  // An agent has the instances of all services under one roof.
  const id = `${service}:${instance.id}`
  return {
    ID: id,
    Name: service,
    Tags: settings.tags,
    Address: host,
    Port: port,
    ...(secure && { TaggedAddresses: taggedAddress(instance) }),
    Meta: metaOf(instance, settings.zoneKey),
    Weights: { Passing: weight, Warning: settings.warningWeight },
    Check: { CheckID: `service:${id}`, ...checkOf(instance, settings) },
  }
}

/** What Consul has no field for becomes metadata. */
function metaOf(instance: ServiceInstance, zoneKey: string): Record<string, string> {
  const { metadata, zone, secure, priority } = instance
  return {
    ...metadata,
    ...(zone === undefined ? {} : { [zoneKey]: zone }),
    ...(secure ? { secure: 'true' } : {}),
    ...(priority === 0 ? {} : { [priorityKey]: String(priority) }),
  }
}

function checkOf(instance: ServiceInstance, settings: RegistrarSettings): Record<string, string | boolean> {
  const { check, deregisterCriticalAfterMs: afterMs } = settings
  const reaping = afterMs === Number.POSITIVE_INFINITY ? {} : { DeregisterCriticalServiceAfter: `${afterMs}ms` }
  // Without a status a check begins critical, until its first result.
  if ('ttlMs' in check) return { Name: 'alive', TTL: `${check.ttlMs}ms`, Status: 'passing', ...reaping }
  return {
    Name: 'answers',
    HTTP: check.http.startsWith('/') ? `${originOf(instance)}${check.http}` : check.http,
    Interval: `${check.intervalMs}ms`,
    Timeout: `${check.timeoutMs}ms`,
    TLSSkipVerify: check.tlsSkipVerify,
    ...reaping,
  }
}
