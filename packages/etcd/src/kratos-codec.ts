import { InvalidInstanceError, type ServiceInstance, type ServiceInstanceInit } from '@lb/core'
import { originOf } from '@lb/core/authoring'
import type { Codec } from './codec.ts'

/** What go-kratos takes for the weight of an instance that says none. Source: kratos, `selector/node/direct`. */
const kratosDefaultWeight = 100

interface Endpoint {
  readonly host: string
  readonly port: number
  readonly secure: boolean
}

type Metadata = Readonly<Record<string, unknown>>

/**
 * `{ id, name, version, metadata, endpoints }` as go-kratos writes it. The first endpoint with `http:` or `https:` is the address; weight,
 * zone and priority are in the metadata. TLS is `https:`, as go-kratos has it since 2.5; `?isSecure=true`, as before that, is read too.
 */
export const kratosCodec: Codec = Object.freeze({
  decode: ({ service, name: key, value }): ServiceInstanceInit | undefined => {
    const { id, name, version, metadata, endpoints } = jsonObject(value)
    // Under `orders/` there are also the instances of a service `orders/eu`.
    if (typeof name === 'string' && name !== '' && name !== service) return undefined
    const labels = metadata ?? {}
    if (!isRecord(labels)) throw new InvalidInstanceError('metadata', 'metadata is no object')
    return {
      id: typeof id === 'string' && id !== '' ? id : key,
      ...httpEndpoint(endpoints),
      ...routingOf(labels),
      metadata: withVersion(labels, version) as Record<string, string>,
    }
  },
  encode: (instance, service) => {
    const { id } = instance
    return JSON.stringify({
      id,
      name: service,
      version: instance.metadata.version ?? '',
      metadata: labelsOf(instance),
      endpoints: [originOf(instance)],
    })
  },
} satisfies Codec)

function jsonObject(text: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new InvalidInstanceError('value', 'it is not JSON')
  }
  if (!isRecord(value)) throw new InvalidInstanceError('value', 'it is no JSON object')
  return value
}

function isRecord(value: unknown): value is Metadata {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function httpEndpoint(endpoints: unknown): Endpoint {
  const all = Array.isArray(endpoints) ? endpoints : []
  for (const endpoint of all) {
    const url = typeof endpoint === 'string' && /^https?:/i.test(endpoint) ? new URL(endpoint) : undefined
    if (url === undefined) continue
    const secure = url.protocol === 'https:' || url.searchParams.get('isSecure') === 'true'
    const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
    return { host: url.hostname.replace(/^\[|\]$/g, ''), port, secure }
  }
  throw new InvalidInstanceError('endpoints', 'no endpoint begins with http:// or https://')
}

/** As in go-kratos, a weight that is no integer is as if there were none. */
function routingOf({ weight, priority, zone }: Metadata): Partial<ServiceInstance> {
  return {
    ...(isDigits(weight) && { weight: Number(weight) / kratosDefaultWeight }),
    ...(isDigits(priority) && { priority: Number(priority) }),
    ...(typeof zone === 'string' && zone !== '' && { zone }),
  }
}

function isDigits(value: unknown): value is string {
  return typeof value === 'string' && /^\d{1,15}$/.test(value)
}

function withVersion(metadata: Metadata, version: unknown): Metadata {
  return typeof version === 'string' && version !== '' ? { version, ...metadata } : metadata
}

function labelsOf({ weight, priority, zone, metadata }: ServiceInstance): Record<string, string> {
  return {
    ...metadata,
    ...(weight !== 1 && { weight: String(Math.round(weight * kratosDefaultWeight)) }),
    ...(priority !== 0 && { priority: String(priority) }),
    ...(zone !== undefined && { zone }),
  }
}
