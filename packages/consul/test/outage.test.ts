import { type DiscoveryHarness, describeDiscoveryOutages } from '@lb/testing/suites'
import { Consul, type NetworkNamespace, startTimeoutMs, TestNetwork } from 'test-servers'
import { describeWithNetwork, describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll } from 'vitest'
import { ConsulDiscovery } from '../src/index.ts'
import { register } from './registered.ts'

let consul: Consul

const harness: DiscoveryHarness = {
  // An agent that is gone without a word is noticed after 1.6 s.
  create: () => new ConsulDiscovery({ address: consul.url, env: {}, waitMs: 1_000, timeoutMs: 500 }),
  set: (service, instances) => register(consul, service, instances),
  withinMs: 20_000,
}

describeWithServers('a Consul agent that is interrupted', Consul.programs, () => {
  beforeAll(async () => {
    consul = await Consul.start({ persistent: true })
  }, startTimeoutMs)
  afterAll(() => consul.stop())

  describeDiscoveryOutages('ConsulDiscovery', harness, {
    killed: { begin: () => consul.kill(), end: () => consul.restart() },
    // It may say something as it goes.
    'told to end': { begin: () => consul.terminate(), end: () => consul.restart() },
    frozen: { begin: () => consul.pause(), end: () => consul.resume() },
  })
})

describeWithNetwork('a Consul agent in another network', Consul.programs, () => {
  let network: TestNetwork
  const namespace = (): NetworkNamespace => network.namespaces[0] as NetworkNamespace
  beforeAll(async () => {
    network = TestNetwork.create()
    consul = await Consul.start({ namespace: namespace() })
  }, startTimeoutMs)
  afterAll(async () => {
    await consul.stop()
    network.close()
  })

  describeDiscoveryOutages('ConsulDiscovery', harness, {
    'cut off': { begin: () => namespace().cutOff(), end: () => namespace().heal() },
    'behind a firewall that resets': { begin: () => namespace().refuse(), end: () => namespace().heal() },
  })
})
