import type { ServiceInstanceInit } from '@lb/core'
import { LoopbackBackend } from '@lb/testing'
import { describeRegistrar, type RegistrarHarness } from '@lb/testing/suites'
import { Consul, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll } from 'vitest'
import { ConsulRegistrar, type ConsulRegistrarOptions } from '../src/index.ts'

interface Entry {
  readonly Service: {
    readonly Address: string
    readonly Port: number
    readonly Meta: Record<string, string>
    readonly Weights: { readonly Passing: number }
  }
}

// In development mode an agent that was killed knows nothing any more.
describeWithServers('on a Consul agent', Consul.programs, () => {
  let consul: Consul
  /** Answers for all instances. */
  let backend: LoopbackBackend
  beforeAll(async () => {
    consul = await Consul.start()
    backend = await LoopbackBackend.start()
  }, startTimeoutMs)
  afterAll(async () => {
    await backend.stop()
    await consul.stop()
  })

  const read = async (service: string): Promise<readonly Exclude<ServiceInstanceInit, string>[]> => {
    const found = (await consul.request('GET', `/v1/health/service/${service}?passing`)) as Entry[]
    return found.map(({ Service: { Address: host, Port: port, Meta: metadata, Weights } }) => ({
      host,
      port,
      metadata,
      weight: Weights.Passing,
    }))
  }

  const harness = (options: () => ConsulRegistrarOptions): RegistrarHarness => ({
    create: () => new ConsulRegistrar({ address: consul.url, env: {}, timeoutMs: 1_000, ...options() }),
    list: async (service) => (await read(service)).map(({ host, port }) => `${host}:${port}`),
    read,
    lose: (service, { id }) => consul.deregister(encodeURIComponent(`${service}:${id}`)),
    fail: () => consul.kill(),
    recover: () => consul.restart(),
    withinMs: 8_000,
    renewalMs: 1_000,
  })
  const capabilities = { weights: true, metadata: true, loss: true, failure: true }

  describeRegistrar(
    'ConsulRegistrar with a TTL check',
    harness(() => ({ check: { ttlMs: 3_000 } })),
    capabilities,
  )

  const asking = (): ConsulRegistrarOptions => ({ check: { http: `${backend.url}/health`, intervalMs: 1_000 } })
  describeRegistrar('ConsulRegistrar with an HTTP check', harness(asking), capabilities)
})
