import { type DiscoveryHarness, describeDiscovery } from '@lb/testing/suites'
import { FaultProxy, KubeApiServer, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll } from 'vitest'
import { KubernetesRegistry } from './kubernetes-registry.ts'
import { slice } from './slices.ts'

describeWithServers('on a Kubernetes API server', KubeApiServer.programs, () => {
  let server: KubeApiServer
  let proxy: FaultProxy
  let registry: KubernetesRegistry
  beforeAll(async () => {
    server = await KubeApiServer.start()
    proxy = await FaultProxy.start({ port: Number(new URL(server.url).port) })
    registry = new KubernetesRegistry(server)
  }, startTimeoutMs)
  afterAll(async () => {
    await proxy.close()
    await server.stop()
  })

  const harness: DiscoveryHarness = {
    create: () => registry.discover({ server: `https://${proxy.address}`, timeoutMs: 1_000 }),
    set: (service, instances) => registry.set(service, instances),
    malform: (service) =>
      registry.add(slice(service, `${service}-bad`, ['10.9.9.9'], { annotations: { 'lb/weight': 'many' } })),
    fail: async () => {
      proxy.refuse()
      proxy.reset()
    },
    recover: () => proxy.pass(),
    withinMs: 8_000,
  }
  describeDiscovery('KubernetesDiscovery', harness, { weights: true, metadata: true, secure: true, failure: true })
})
