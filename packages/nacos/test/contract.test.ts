import { describeDiscovery, describeRegistrar } from '@lb/testing/suites'
import { FakeNacosProcess, FaultProxy } from 'test-servers'
import { afterAll, beforeAll, describe } from 'vitest'
import { discoveryHarness, registrarHarness } from './contract-harness.ts'

// A process, so that it can stand still. Versions that can be had run in real-server-*.test.ts.
describe('on the fake of 3.2', () => {
  let server: FakeNacosProcess
  let proxy: FaultProxy
  beforeAll(async () => {
    server = await FakeNacosProcess.start({ version: '3.2', cacheMillis: 1_000 })
    proxy = await FaultProxy.start({ port: Number(new URL(server.url).port) })
  })
  afterAll(async () => {
    await proxy.close()
    await server.kill()
  })

  describeDiscovery(
    'NacosDiscovery',
    {
      ...discoveryHarness(() => server),
      // A real server refuses it.
      malform: (service) => server.register(service, { ip: 'no host', port: 80 }),
    },
    {
      weights: true,
      metadata: true,
      secure: true,
      failure: true,
    },
  )
  describeRegistrar(
    'NacosRegistrar',
    registrarHarness(
      () => server,
      () => proxy,
    ),
    {
      weights: true,
      metadata: true,
      loss: true,
      failure: true,
    },
  )
})
