import { type DiscoveryHarness, describeDiscoveryOutages } from '@lb/testing/suites'
import { KubeApiServer, type NetworkNamespace, startTimeoutMs, TestNetwork } from 'test-servers'
import { describeWithNetwork, describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll } from 'vitest'
import { KubernetesRegistry } from './kubernetes-registry.ts'

let server: KubeApiServer
let registry: KubernetesRegistry

const harness: DiscoveryHarness = {
  // Short, so that a silent server is noticed within seconds.
  create: () => registry.discover({ timeoutMs: 1_000, watchTimeoutMs: 2_000, idleTimeoutMs: 1_000 }),
  set: (service, instances) => registry.set(service, instances),
  withinMs: 30_000,
}

describeWithServers('a Kubernetes API server that is interrupted', KubeApiServer.programs, () => {
  beforeAll(async () => {
    server = await KubeApiServer.start()
    registry = new KubernetesRegistry(server)
  }, startTimeoutMs)
  afterAll(() => server.stop())

  describeDiscoveryOutages('KubernetesDiscovery', harness, {
    killed: { begin: () => server.kill(), end: () => server.restart() },
    frozen: { begin: () => server.pause(), end: () => server.resume() },
  })
})

describeWithNetwork('a Kubernetes API server in another network', KubeApiServer.programs, () => {
  let network: TestNetwork
  const namespace = (): NetworkNamespace => network.namespaces[0] as NetworkNamespace
  beforeAll(async () => {
    network = TestNetwork.create()
    server = await KubeApiServer.start({ namespace: namespace() })
    registry = new KubernetesRegistry(server)
  }, startTimeoutMs)
  afterAll(async () => {
    await server.stop()
    network.close()
  })

  describeDiscoveryOutages('KubernetesDiscovery', harness, {
    'cut off': { begin: () => namespace().cutOff(), end: () => namespace().heal() },
    'behind a firewall that resets': { begin: () => namespace().refuse(), end: () => namespace().heal() },
  })
})
