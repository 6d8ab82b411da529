import type { experimental } from '@grpc/grpc-js'
import { InvalidOptionError } from '@lb/core'
import { checkServiceName } from '@lb/core/authoring'

/** What says which service a host names. */
export interface ServiceNames {
  serviceOf(authority: { readonly scheme: string; readonly host: string }): string | undefined
}

/**
 * The service that the target of a channel names: `lb:users`, `lb:///users`, `lb://users` and `lb:users:443`, as clients append a
 * port to what they take for a host.
 *
 * @throws InvalidOptionError for what names no service: above all the path of a socket, and what is no name, such as `lb:%00`
 */
export function serviceOfTarget({ scheme = '', path }: experimental.GrpcUri, names: ServiceNames): string {
  const host = path.replace(/^\/+|\/+$/g, '').replace(/:\d*$/, '')
  if (host === '' || /[/?#[\]]|^unix:/.test(host)) {
    const shown = `${scheme}:${path}`
    const remedy = `write "${scheme}:user-service"; addresses and sockets have no ${scheme}: before them`
    throw new InvalidOptionError('target', `target must name a service, got ${JSON.stringify(shown)}: ${remedy}`)
  }
  const service = names.serviceOf({ scheme: 'lb', host: decoded(host) }) ?? host
  checkServiceName('target', service)
  return service
}

function decoded(host: string): string {
  try {
    return decodeURIComponent(host)
  } catch {
    return host
  }
}
