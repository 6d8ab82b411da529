import { parseInstance, type ServiceInstanceInit } from '@lb/core'
import { fastClock } from '@lb/testing'
import type { DiscoveryHarness, RegistrarHarness } from '@lb/testing/suites'
import type { FaultProxy, NacosInstanceInit } from 'test-servers'
import { NacosDiscovery, NacosRegistrar } from '../src/index.ts'

/** What the contracts need of a server, be it a real one or a fake. */
export interface ContractServer {
  readonly url: string
  register(service: string, instance: NacosInstanceInit): Promise<void>
  deregister(service: string, instance: NacosInstanceInit): Promise<void>
  /** It stands still, and answers nothing. */
  pause(): void
  resume(): void
}

/** For `describeDiscovery`. What is written goes through the HTTP API of the server. */
export function discoveryHarness(server: () => ContractServer): DiscoveryHarness {
  const written = new Map<string, readonly ServiceInstanceInit[]>()
  return {
    create: () => new NacosDiscovery({ servers: [server().url], timeoutMs: 20_000, clock: fastClock }),
    set: async (service, instances) => {
      const before = (written.get(service) ?? []).map(parseInstance)
      const after = instances.map(parseInstance)
      written.set(service, instances)
      for (const { id, host, port } of before) {
        if (!after.some((instance) => instance.id === id)) await server().deregister(service, { ip: host, port })
      }
      for (const { host, port, weight, metadata, secure } of after) {
        const labels = secure ? { ...metadata, secure: 'true' } : metadata
        await server().register(service, { ip: host, port, weight, metadata: labels })
      }
    },
    fail: async () => server().pause(),
    recover: async () => server().resume(),
    withinMs: 15_000,
    addresses: [
      { host: '10.0.0.1', port: 8080 },
      { host: '10.0.0.1', port: 8081 },
      { host: '10.0.0.2', port: 8080 },
      { host: '2001:db8::1', port: 8080 },
    ],
  }
}

/**
 * For `describeRegistrar`: the registrar reaches the server through `proxy`. A server that stands still would carry out later what it was
 * asked meanwhile.
 */
export function registrarHarness(server: () => ContractServer, proxy: () => FaultProxy): RegistrarHarness {
  const read = async (service: string): Promise<readonly ServiceInstanceInit[]> => {
    const discovery = new NacosDiscovery({ servers: [server().url] })
    try {
      return await discovery.getInstances(service)
    } finally {
      await discovery.close()
    }
  }
  return {
    create: () => new NacosRegistrar({ servers: [`http://${proxy().address}`], timeoutMs: 20_000, clock: fastClock }),
    list: async (service) => (await read(service)).map(parseInstance).map(({ host, port }) => `${host}:${port}`),
    read,
    lose: (service, { host, port }) => server().deregister(service, { ip: host, port }),
    fail: async () => {
      proxy().refuse()
      proxy().reset()
    },
    recover: () => proxy().pass(),
    withinMs: 15_000,
    renewalMs: 500,
  }
}
