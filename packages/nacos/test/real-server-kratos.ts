import { parseInstance } from '@lb/core'
import { describeKratos } from 'test-servers/kratos'
import { NacosDiscovery, NacosRegistrar } from '../src/index.ts'
import type { OnServer } from './real-server.ts'

/** go-kratos has a service for each scheme, says the scheme in the metadata, and registers with a weight of 100. */
export const describeKratosServices: OnServer = (server) => {
  describeKratos({
    registry: () => ({ kind: 'nacos', address: new URL(server().url).host }),
    nameOf: (service, scheme) => `${service}.${scheme}`,
    find: async (service) => {
      const discovery = new NacosDiscovery({
        servers: [server().url],
        weightOf: (weight, { kind }) => (kind === undefined ? weight : weight / 100),
      })
      try {
        return (await discovery.getInstances(service)).map(parseInstance)
      } finally {
        await discovery.close()
      }
    },
    register: async (service, instance) => {
      const registrar = new NacosRegistrar({ servers: [server().url] })
      const metadata = { kind: instance.secure ? 'https' : 'http' }
      await registrar.register(service, { ...instance, weight: 100, metadata })
      return () => registrar.close()
    },
  })
}
