import type { ServiceInstance } from '@lb/core'
import { instanceOrigin } from './service-origin.ts'

/** Where a request went, as the instance sees it. */
export interface SeenByInstance {
  readonly instance: ServiceInstance
  /** Whether the caller wrote the service as https. */
  readonly secure: boolean
  /** `Host`, when it was given. */
  readonly host: unknown
}

const absolute = /^(?:(https?):)?\/\/([^/?#\\]*)([^\\]*)$/i

/**
 * A `Location` with which an instance means itself, without the instance: it leads to the service then, whose origin is the one
 * that the caller knows, and what follows redirects lets credentials go along. `undefined` when it leads elsewhere, or changes the
 * scheme: to https it must not be lost, to http nothing must go along.
 */
export function withoutInstance(location: string, { instance, secure, host }: SeenByInstance): string | undefined {
  const [, scheme, authority, rest = ''] = absolute.exec(location.trim()) ?? []
  if (authority === undefined) return undefined
  const origin = instanceOrigin(instance, secure)
  const used = origin.startsWith('https:') ? 'https' : 'http'
  if (scheme !== undefined && scheme.toLowerCase() !== used) return undefined
  const meant = withoutDefaultPort(authority, used)
  const isOwn =
    meant === withoutDefaultPort(origin.slice(used.length + 3), used) ||
    (typeof host === 'string' && meant === withoutDefaultPort(host, used))
  if (!isOwn) return undefined
  // Two slashes would begin another host.
  if (rest.startsWith('//')) return `/.${rest}`
  return rest.startsWith('/') ? rest : `/${rest}`
}

function withoutDefaultPort(authority: string, scheme: string): string {
  const lowerCase = authority.toLowerCase()
  return lowerCase.replace(scheme === 'https' ? /:(?:443)?$/ : /:(?:80)?$/, '')
}
