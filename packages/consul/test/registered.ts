import { parseInstance, type ServiceInstanceInit } from '@lb/core'
import type { Consul } from 'test-servers'
import { expect, vi } from 'vitest'

interface Known {
  readonly ID: string
  readonly Service: string
}

interface CatalogueEntry {
  readonly ServiceAddress: string
  readonly ServicePort: number
  readonly ServiceWeights: { readonly Passing: number }
}

/** Makes `inits` the whole list of `service`, by the agent's own interface. Resolves when the catalogue has followed. */
export async function register(consul: Consul, service: string, inits: readonly ServiceInstanceInit[]): Promise<void> {
  const instances = inits.map(parseInstance)
  const ids = new Set(instances.map(({ host, port }) => `${service}-${host}-${port}`))
  const known = (await consul.request('GET', '/v1/agent/services')) as Record<string, Known>
  for (const { ID, Service } of Object.values(known)) {
    if (Service === service && !ids.has(ID)) await consul.deregister(ID)
  }
  for (const { host, port, weight, metadata } of instances) {
    await consul.register({
      ID: `${service}-${host}-${port}`,
      Name: service,
      Address: host,
      Port: port,
      Meta: { ...metadata },
      Weights: { Passing: weight, Warning: 1 },
    })
  }
  const wanted = instances.map(({ host, port, weight }) => `${host}:${port} ${weight}`).sort()
  await vi.waitFor(async () => expect(await catalogued(consul, service)).toEqual(wanted), {
    timeout: 20_000,
    interval: 5,
  })
}

async function catalogued(consul: Consul, service: string): Promise<string[]> {
  const found = (await consul.request('GET', `/v1/catalog/service/${service}`)) as CatalogueEntry[]
  return found
    .map(
      ({ ServiceAddress, ServicePort, ServiceWeights }) => `${ServiceAddress}:${ServicePort} ${ServiceWeights.Passing}`,
    )
    .sort()
}

/** Resolves when the catalogue has `count` instances: agents tell it a little later than they answer. */
export async function inCatalogue(consul: Consul, service: string, count: number): Promise<void> {
  await vi.waitFor(async () => expect(await catalogued(consul, service)).toHaveLength(count), {
    timeout: 20_000,
    interval: 5,
  })
}
