import type { ServiceInstance } from '@lb/core'
import type { VersionedRequest } from './client.ts'
import { priorityKey } from './instances.ts'
import { type GroupedName, joinedName } from './service-name.ts'

/** What is registered, and where. */
export interface RegistrationTarget {
  readonly service: GroupedName
  readonly instance: ServiceInstance
  readonly namespace: string
  readonly cluster: string
}

const v3Path = '/v3/client/ns/instance'
const v1Path = '/v1/ns/instance'
/** Servers refuse URLs of more than 8 KB. Shorter texts stay there, since the first servers read the body of no PUT. */
const maxQueryText = 4_000

/** Registers in full; also what changes what is registered. */
export function registerRequest(target: RegistrationTarget): VersionedRequest {
  const fields = {
    ...placeOf(target),
    weight: String(target.instance.weight),
    enabled: 'true',
    healthy: 'true',
    metadata: JSON.stringify(metadataOf(target.instance)),
  }
  const form = (serviceName: string): URLSearchParams => new URLSearchParams({ ...fields, serviceName })
  return {
    v3: { method: 'POST', path: v3Path, body: form(target.service.name) },
    v1: { method: 'POST', path: v1Path, body: form(joinedName(target.service)) },
  }
}

/**
 * Says that the instance lives. A light beat names it only; a full one of version 1 brings along what servers before 1.3 want to know with
 * every beat, and what the others register with when they do not know the instance.
 */
export function beatRequest(target: RegistrationTarget, light: boolean): VersionedRequest {
  const { service, instance, cluster } = target
  const serviceName = joinedName(service)
  const { host: ip, port, weight } = instance
  const beat = JSON.stringify({
    serviceName,
    ip,
    port,
    cluster,
    weight,
    metadata: metadataOf(instance),
    scheduled: true,
  })
  const isLong = encodeURIComponent(beat).length > maxQueryText
  return {
    v3: {
      method: 'POST',
      path: v3Path,
      body: new URLSearchParams({ ...placeOf(target), serviceName: service.name, heartBeat: 'true' }),
    },
    v1: {
      method: 'PUT',
      path: `${v1Path}/beat`,
      query: { ...placeOf(target), serviceName, beat: light || isLong ? undefined : beat },
      ...(!light && isLong && { body: new URLSearchParams({ beat }) }),
    },
  }
}

export function deregisterRequest(target: RegistrationTarget): VersionedRequest {
  return {
    v3: { method: 'DELETE', path: v3Path, query: { ...placeOf(target), serviceName: target.service.name } },
    v1: { method: 'DELETE', path: v1Path, query: { ...placeOf(target), serviceName: joinedName(target.service) } },
  }
}

/** Instances that are kept by beats are the ephemeral ones. */
function placeOf({ service, instance, namespace, cluster }: RegistrationTarget): Record<string, string> {
  return {
    namespaceId: namespace,
    groupName: service.group,
    clusterName: cluster,
    ip: instance.host,
    port: String(instance.port),
    ephemeral: 'true',
  }
}

/** With what Nacos has no field for, where `NacosDiscovery` finds it again. */
function metadataOf({ metadata, zone, secure, priority }: ServiceInstance): Record<string, string> {
  return {
    ...metadata,
    ...(zone !== undefined && { zone }),
    ...(secure && { secure: 'true' }),
    ...(priority > 0 && { [priorityKey]: String(priority) }),
  }
}
