import { type DiscoveryHarness, describeDiscovery } from '@lb/testing/suites'
import { Consul, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll } from 'vitest'
import { ConsulDiscovery } from '../src/index.ts'
import { register } from './registered.ts'

describeWithServers('on a Consul agent', Consul.programs, () => {
  let consul: Consul
  beforeAll(async () => {
    consul = await Consul.start({ persistent: true })
  }, startTimeoutMs)
  afterAll(() => consul.stop())

  const harness: DiscoveryHarness = {
    create: () => new ConsulDiscovery({ address: consul.url, env: {}, timeoutMs: 5_000, churnIntervalMs: 2_000 }),
    set: (service, instances) => register(consul, service, instances),
    malform: (service) => consul.register({ ID: `${service}-bad`, Name: service, Address: '10.0.0.9', Port: 0 }),
    fail: () => consul.kill(),
    recover: () => consul.restart(),
    // Every instance that is set is a change of its own: a busy service is asked for after 1 and 2 s.
    withinMs: 20_000,
  }
  describeDiscovery('ConsulDiscovery', harness, { weights: true, metadata: true, failure: true, otherProcess: true })
})
