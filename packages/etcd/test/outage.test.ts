import { type DiscoveryHarness, describeDiscoveryOutages } from '@lb/testing/suites'
import { Etcd, type NetworkNamespace, startTimeoutMs, TestNetwork } from 'test-servers'
import { describeWithNetwork, describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll } from 'vitest'
import { EtcdDiscovery } from '../src/index.ts'
import { EtcdStore } from './etcd-store.ts'

let etcd: Etcd

const harness: DiscoveryHarness = {
  create: () => new EtcdDiscovery({ endpoints: [etcd.url], timeoutMs: 1_000, probeIntervalMs: 500 }),
  set: (service, instances) => new EtcdStore(etcd).set(service, instances),
  withinMs: 20_000,
}

for (const version of ['3.4', '3.5'] as const) {
  describeWithServers(`etcd ${version} that is interrupted`, Etcd.programs, () => {
    beforeAll(async () => {
      etcd = await Etcd.start({ version })
    }, startTimeoutMs)
    afterAll(() => etcd.stop())

    describeDiscoveryOutages('EtcdDiscovery', harness, {
      killed: { begin: () => etcd.kill(), end: () => etcd.restart() },
      'told to end': { begin: () => etcd.terminate(), end: () => etcd.restart() },
      frozen: { begin: () => etcd.pause(), end: () => etcd.resume() },
    })
  })

  describeWithNetwork(`etcd ${version} in another network`, Etcd.programs, () => {
    let network: TestNetwork
    const namespace = (): NetworkNamespace => network.namespaces[0] as NetworkNamespace
    beforeAll(async () => {
      network = TestNetwork.create()
      etcd = await Etcd.start({ version, namespace: namespace() })
    }, startTimeoutMs)
    afterAll(async () => {
      await etcd.stop()
      network.close()
    })

    describeDiscoveryOutages('EtcdDiscovery', harness, {
      'cut off': { begin: () => namespace().cutOff(), end: () => namespace().heal() },
      'behind a firewall that resets': { begin: () => namespace().refuse(), end: () => namespace().heal() },
    })
  })
}
