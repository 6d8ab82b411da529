import type { ServiceInstance } from '@lb/core'
import { originOf } from '@lb/core/authoring'

/**
 * Addresses of a service by the protocols it speaks, as go-kratos has them: the tag is the scheme, the address a URL. Consul itself
 * uses other tags, such as `lan` and `wan`, with plain addresses.
 */
export type TaggedAddresses = Readonly<Record<string, { readonly Address: string; readonly Port: number }>>

/** Where HTTP is spoken. */
export interface HttpAddress {
  readonly host: string
  readonly port: number
  readonly secure: boolean
}

/** What go-kratos needs to know that an instance speaks TLS: without it, it takes every instance for one that speaks plain HTTP. */
export function taggedAddress(instance: Pick<ServiceInstance, 'host' | 'port' | 'secure'>): TaggedAddresses {
  const scheme = instance.secure ? 'https' : 'http'
  return { [scheme]: { Address: originOf(instance), Port: instance.port } }
}

/**
 * The address with the tag `http` or `https` that is a URL: the one with the port of the service when both are there, else that of `http`.
 * Absent where no tag says so.
 */
export function httpAddress(tagged: unknown, port: unknown): HttpAddress | undefined {
  const addresses = ['http', 'https']
    .map((scheme) => addressOf(tagged, scheme))
    .filter((address) => address !== undefined)
  return addresses.find((address) => address.port === port) ?? addresses[0]
}

function addressOf(tagged: unknown, scheme: string): HttpAddress | undefined {
  const entry = isObject(tagged) && Object.hasOwn(tagged, scheme) ? tagged[scheme] : undefined
  const text = isObject(entry) ? entry.Address : undefined
  if (typeof text !== 'string' || !text.startsWith(`${scheme}://`) || !URL.canParse(text)) return undefined
  const { hostname, port } = new URL(text)
  const secure = scheme === 'https'
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? (secure ? 443 : 80) : Number(port), secure }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
