import { parseInstance, type ServiceInstanceInit } from '@lb/core'
import { type DiscoveryHarness, describeDiscovery } from '@lb/testing/suites'
import { FakeNacosProcess } from 'test-servers'
import { afterAll, beforeAll, describe } from 'vitest'
import { NacosDiscovery } from '../src/index.ts'
import { fastClock } from './fast-clock.ts'

// A process, so that it can stand still. What is written to it goes through its HTTP API.
describe.each(['2.5', '3.2'] as const)('on the fake of %s', (version) => {
  let server: FakeNacosProcess
  const written = new Map<string, readonly ServiceInstanceInit[]>()
  beforeAll(async () => {
    server = await FakeNacosProcess.start({ version, cacheMillis: 1_000 })
  })
  afterAll(() => server.kill())

  async function set(service: string, instances: readonly ServiceInstanceInit[]): Promise<void> {
    const before = (written.get(service) ?? []).map(parseInstance)
    const after = instances.map(parseInstance)
    written.set(service, instances)
    for (const { id, host, port } of before) {
      if (!after.some((instance) => instance.id === id)) await server.deregister(service, { ip: host, port })
    }
    for (const { host, port, weight, metadata, secure } of after) {
      const labels = secure ? { ...metadata, secure: 'true' } : metadata
      await server.register(service, { ip: host, port, weight, metadata: JSON.stringify(labels) })
    }
  }

  const harness: DiscoveryHarness = {
    create: () => new NacosDiscovery({ servers: [server.url], timeoutMs: 4_000, clock: fastClock }),
    set,
    fail: async () => server.pause(),
    recover: async () => server.resume(),
    addresses: [
      { host: '10.0.0.1', port: 8080 },
      { host: '10.0.0.1', port: 8081 },
      { host: '10.0.0.2', port: 8080 },
      { host: '2001:db8::1', port: 8080 },
    ],
  }
  describeDiscovery('NacosDiscovery', harness, { weights: true, metadata: true, secure: true, failure: true })
})
