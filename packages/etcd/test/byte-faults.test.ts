import { describeByteFaults } from '@lb/testing/suites'
import { Etcd, FaultProxy, startTimeoutMs } from 'test-servers'
import { afterAll, beforeAll } from 'vitest'
import { EtcdDiscovery } from '../src/index.ts'
import { EtcdStore } from './etcd-store.ts'
import { onEachEtcd } from './on-each-etcd.ts'

onEachEtcd('behind a damaged connection', (version) => {
  let etcd: Etcd
  let proxy: FaultProxy
  beforeAll(async () => {
    etcd = await Etcd.start({ version })
    await new EtcdStore(etcd).add('orders', '10.0.0.1:80')
    proxy = await FaultProxy.start({ port: Number(new URL(etcd.url).port) })
  }, startTimeoutMs)
  afterAll(async () => {
    await proxy.close()
    await etcd.stop()
  })

  describeByteFaults('EtcdDiscovery', {
    create: (timeoutMs) =>
      new EtcdDiscovery({ endpoints: [`http://${proxy.address}`], timeoutMs, probeIntervalMs: 200 }),
    connection: () => proxy,
    service: 'orders',
    count: 1,
    // Does not divide anything in the answer.
    step: 3,
  })
})
