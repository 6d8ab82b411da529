import { parseInstance } from '@lb/core'
import { Consul, startTimeoutMs } from 'test-servers'
import { describeKratos } from 'test-servers/kratos'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll } from 'vitest'
import { ConsulDiscovery, ConsulRegistrar } from '../src/index.ts'

describeWithServers('on Consul, beside services in Go', Consul.programs, () => {
  let consul: Consul
  let discovery: ConsulDiscovery
  let registrar: ConsulRegistrar
  beforeAll(async () => {
    consul = await Consul.start()
    discovery = new ConsulDiscovery({ address: consul.url, env: {} })
    registrar = new ConsulRegistrar({ address: consul.url, env: {} })
  }, startTimeoutMs)
  afterAll(async () => {
    await Promise.all([discovery.close(), registrar.close()])
    await consul.stop()
  })

  describeKratos({
    registry: () => ({ kind: 'consul', address: new URL(consul.url).host }),
    find: async (service) => (await discovery.getInstances(service)).map(parseInstance),
    register: async (service, instance) => {
      const registration = await registrar.register(service, instance)
      return () => registration.deregister()
    },
  })
})
