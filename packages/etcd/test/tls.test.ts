import { readFileSync } from 'node:fs'
import { Notes } from '@lb/testing'
import { Etcd, startTimeoutMs } from 'test-servers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EtcdDiscovery, type EtcdDiscoveryOptions, EtcdRegistrar } from '../src/index.ts'
import { eventually } from './eventually.ts'
import { onEachEtcd } from './on-each-etcd.ts'

onEachEtcd('over TLS', (version) => {
  describe.each(['server', 'mutual'] as const)('with certificates: %s', (tls) => {
    let etcd: Etcd
    beforeAll(async () => {
      etcd = await Etcd.start({ version, tls })
    }, startTimeoutMs)
    afterAll(() => etcd.stop())

    it('registers, lists and watches', async () => {
      const certificates = etcd.certificates
      const options: EtcdDiscoveryOptions = {
        endpoints: [etcd.url],
        tls: {
          caFile: certificates?.caPath ?? '',
          ...(tls === 'mutual' && {
            cert: readFileSync(certificates?.client.cert ?? '', 'utf8'),
            keyFile: certificates?.client.key ?? '',
          }),
        },
      }
      const [discovery, registrar, notes] = [new EtcdDiscovery(options), new EtcdRegistrar(options), new Notes()]
      discovery.watch('orders', notes)
      await registrar.register('orders', '10.0.0.1:80')
      await eventually(() => expect(notes.latest).toEqual(['10.0.0.1:80']))
      await registrar.close()
      await eventually(() => expect(notes.latest).toEqual([]))
      await discovery.close()
    })

    it('does not speak with a server that it cannot verify', async () => {
      const discovery = new EtcdDiscovery({ endpoints: [etcd.url] })
      await expect(discovery.getInstances('orders')).rejects.toMatchObject({ code: 'LB_DISCOVERY' })
      await discovery.close()
    })
  })
})
