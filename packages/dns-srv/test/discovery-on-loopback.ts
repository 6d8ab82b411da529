import type { ServiceInstanceInit } from '@lb/core'
import { parseInstance } from '@lb/core'
import { DnsSrvDiscovery, type DnsSrvDiscoveryOptions } from '../src/index.ts'

/** The name under which services are asked for. */
export const serviceName = '_http._tcp.web.lb.test'

/** A discovery on servers of a test: names end in `lb.test`, nothing of the machine's configuration matters. */
export function discoveryOn(
  servers: { readonly address: string } | readonly { readonly address: string }[],
  options: DnsSrvDiscoveryOptions = {},
): DnsSrvDiscovery {
  const list = [servers].flat() as { readonly address: string }[]
  return new DnsSrvDiscovery({
    name: '_http._tcp.{service}.lb.test.',
    servers: list.map(({ address }) => address),
    timeoutMs: 20_000,
    tries: 1,
    // The machine of the tests may have no IPv6.
    checkRoutes: false,
    ...options,
  })
}

/** Address, weight and priority of each instance, sorted: what tests compare. */
export function described(instances: readonly ServiceInstanceInit[]): string[] {
  return instances
    .map(parseInstance)
    .map(({ host, port, weight, priority }) => `${host}:${port} weight ${weight} priority ${priority}`)
    .sort()
}

/** Just the addresses. */
export function addressesOf(instances: readonly ServiceInstanceInit[]): string[] {
  return instances
    .map(parseInstance)
    .map(({ host, port }) => `${host}:${port}`)
    .sort()
}
