import { describeByteFaults } from '@lb/testing/suites'
import { Etcd, FaultProxy, startTimeoutMs } from 'test-servers'
import { afterAll, beforeAll } from 'vitest'
import { EtcdDiscovery } from '../src/index.ts'
import { EtcdStore } from './etcd-store.ts'
import { onEachEtcd } from './on-each-etcd.ts'

onEachEtcd('behind a damaged connection', (version) => {
  let etcd: Etcd
  beforeAll(async () => {
    etcd = await Etcd.start({ version })
    await new EtcdStore(etcd).add('orders', '10.0.0.1:80')
  }, startTimeoutMs)
  afterAll(() => etcd.stop())

  describeByteFaults('EtcdDiscovery', {
    connect: () => FaultProxy.start({ port: Number(new URL(etcd.url).port) }),
    create: ({ address }, timeoutMs) =>
      new EtcdDiscovery({ endpoints: [`http://${address}`], timeoutMs, probeIntervalMs: 200 }),
    service: 'orders',
    count: 1,
    // Does not divide anything in the answer.
    step: 3,
  })
})
