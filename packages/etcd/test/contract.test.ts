import { describeDiscovery } from '@lb/testing/suites'
import { Etcd, startTimeoutMs } from 'test-servers'
import { afterAll, beforeAll } from 'vitest'
import { type CodecName, EtcdDiscovery } from '../src/index.ts'
import { EtcdStore } from './etcd-store.ts'
import { freeze } from './freeze.ts'
import { onEachEtcd } from './on-each-etcd.ts'

onEachEtcd('the contract', (version) => {
  let etcd: Etcd
  beforeAll(async () => {
    etcd = await Etcd.start({ version })
  }, startTimeoutMs)
  afterAll(() => etcd.stop())

  const describeCodec = (codec: CodecName, capabilities: object): void => {
    describeDiscovery(
      `EtcdDiscovery with ${codec}`,
      {
        create: () =>
          new EtcdDiscovery({
            endpoints: [etcd.url],
            codec,
            prefix: `/${codec}/`,
            timeoutMs: 500,
            probeIntervalMs: 500,
          }),
        set: (service, instances) => new EtcdStore(etcd, codec, `/${codec}/`).set(service, instances),
        malform: async (service) => {
          await new EtcdStore(etcd, codec, `/${codec}/`).put(`/${codec}/${service}/bad`, 'no address at all')
        },
        fail: () => freeze(etcd),
        recover: async () => etcd.resume(),
        // Half a second until it is seen, then delays of up to one second, two and four.
        withinMs: 9_000,
      },
      { failure: true, otherProcess: true, ...capabilities },
    )
  }
  describeCodec('kratos', { weights: true, priority: true, metadata: true, secure: true })
  describeCodec('address', { secure: true })
  describeCodec('go-zero', {})
})
