import type { ServiceInstanceInit } from '@lb/core'
import { parseInstance } from '@lb/core'
import { type DiscoveryHarness, describeDiscovery } from '@lb/testing/suites'
import { PowerDns, type RecordSet, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll } from 'vitest'
import { DnsSrvDiscovery } from '../src/index.ts'

describeWithServers('on PowerDNS', PowerDns.programs, () => {
  let server: PowerDns
  beforeAll(async () => {
    server = await PowerDns.start()
  }, startTimeoutMs)
  afterAll(() => server.stop())

  const harness: DiscoveryHarness = {
    create: () =>
      new DnsSrvDiscovery({
        name: '_http._tcp.{service}.lb.test.',
        servers: [server.address],
        timeoutMs: 400,
        tries: 1,
      }),
    set: (service, instances) => server.set(...recordSets(service, instances)),
    fail: async () => server.pause(),
    recover: async () => server.resume(),
    // A refresh each second; after a failure, one second, two and four.
    withinMs: 8_000,
    addresses: [
      { host: '10.0.0.1', port: 8080 },
      { host: '10.0.0.1', port: 8081 },
      { host: '10.0.0.2', port: 8080 },
      { host: '2001:db8::1', port: 8080 },
    ],
  }
  describeDiscovery('DnsSrvDiscovery', harness, { weights: true, priority: true, failure: true })
})

/** Each host is a target with one address. */
function recordSets(service: string, inits: readonly ServiceInstanceInit[]): RecordSet[] {
  const instances = inits.map(parseInstance)
  const target = (host: string): string => `host-${host.replace(/[.:]+/g, '-')}`
  const hosts = [...new Set(instances.map(({ host }) => host))]
  const addresses = hosts.map(
    (host): RecordSet => ({
      name: target(host),
      type: host.includes(':') ? 'AAAA' : 'A',
      ttl: 60,
      records: [host],
    }),
  )
  const records = instances.map(
    ({ priority, weight, port, host }) => `${priority} ${weight} ${port} ${target(host)}.lb.test.`,
  )
  return [...addresses, { name: `_http._tcp.${service}`, type: 'SRV', ttl: 1, records }]
}
