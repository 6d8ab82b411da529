import { parseInstance } from '@lb/core'
import { describeRegistrar } from '@lb/testing/suites'
import { Etcd, startTimeoutMs } from 'test-servers'
import { afterAll, beforeAll } from 'vitest'
import { codecs } from '../src/codec-by-name.ts'
import { type CodecName, EtcdRegistrar } from '../src/index.ts'
import { EtcdStore } from './etcd-store.ts'
import { freeze } from './freeze.ts'
import { onEachEtcd } from './on-each-etcd.ts'

onEachEtcd('the contract of registrars', (version) => {
  let etcd: Etcd
  beforeAll(async () => {
    etcd = await Etcd.start({ version })
  }, startTimeoutMs)
  afterAll(() => etcd.stop())

  const describeCodec = (codec: CodecName, capabilities: object): void => {
    const prefix = `/${codec}/`
    const store = (): EtcdStore => new EtcdStore(etcd, codec, prefix)
    // Without a discovery: as another program would read it.
    const read = async (service: string): Promise<ReturnType<typeof parseInstance>[]> => {
      const keys = await store().keys(`${prefix}${service}/`)
      return keys.flatMap(({ key, value }) => {
        const init = codecs[codec].decode({ service, name: key.slice(`${prefix}${service}/`.length), value })
        return init === undefined ? [] : [parseInstance(init)]
      })
    }
    describeRegistrar(
      `EtcdRegistrar with ${codec}`,
      {
        create: () => new EtcdRegistrar({ endpoints: [etcd.url], codec, prefix, timeoutMs: 500, ttlMs: 2_000 }),
        read,
        list: async (service) => (await read(service)).map(({ host, port }) => `${host}:${port}`),
        lose: async (service) => {
          for (const { lease } of await store().keys(`${prefix}${service}/`))
            await store().call('/v3/lease/revoke', { ID: lease })
        },
        fail: () => freeze(etcd),
        recover: async () => etcd.resume(),
        withinMs: 15_000,
        // A third of what etcd makes of two seconds.
        renewalMs: 700,
      },
      { loss: true, failure: true, ...capabilities },
    )
  }
  describeCodec('kratos', { weights: true, metadata: true })
  describeCodec('go-zero', {})
})
