import { describeDiscovery, describeRegistrar } from '@lb/testing/suites'
import { FaultProxy, Nacos, type NacosVersion } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll } from 'vitest'
import { discoveryHarness, registrarHarness } from './contract-harness.ts'
import { describeInstances } from './real-server-instances.ts'
import { describeLogin } from './real-server-login.ts'
import { describeOfficialClient } from './real-server-official-client.ts'

/** A part of the suite. The server is there in its tests and hooks. */
export type OnServer = (server: () => Nacos) => void

/** All that is tested on a real server of this version, which starts once for it; what can only be tested on this one comes last. */
export function describeOnServer(version: NacosVersion, ...more: readonly OnServer[]): void {
  describeWithServers(`on Nacos ${version}`, Nacos.programs(version), () => {
    let nacos: Nacos
    let proxy: FaultProxy
    beforeAll(async () => {
      nacos = await Nacos.start(version)
      proxy = await FaultProxy.start({ port: Number(new URL(nacos.url).port) })
    }, Nacos.startTimeoutMs)
    afterAll(async () => {
      await proxy.close()
      await nacos.stop()
    })
    const server = (): Nacos => nacos

    const found = { weights: true, metadata: true, secure: true, failure: true }
    describeDiscovery('NacosDiscovery', discoveryHarness(server), found)
    const written = { weights: true, metadata: true, loss: true, failure: true }
    describeRegistrar(
      'NacosRegistrar',
      registrarHarness(server, () => proxy),
      written,
    )
    for (const part of [describeInstances, describeOfficialClient, describeLogin, ...more]) part(server)
  })
}
