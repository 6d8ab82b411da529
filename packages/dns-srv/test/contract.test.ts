import type { ServiceDiscovery, ServiceInstance, ServiceInstanceInit } from '@lb/core'
import { parseInstance } from '@lb/core'
import { type DiscoveryCapabilities, type DiscoveryHarness, describeDiscovery } from '@lb/testing/suites'
import { freePort, PowerDns, type RecordSet, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll } from 'vitest'
import { DnsDiscovery, DnsSdDiscovery, DnsSrvDiscovery, type LookupOptions } from '../src/index.ts'

const port = await freePort()

describeWithServers('on PowerDNS', PowerDns.programs, () => {
  let server: PowerDns
  beforeAll(async () => {
    server = await PowerDns.start()
  }, startTimeoutMs)
  afterAll(() => server.stop())

  const run = (
    name: string,
    create: (options: LookupOptions) => ServiceDiscovery,
    recordSets: (service: string, instances: readonly ServiceInstance[]) => RecordSet[],
    places: Pick<DiscoveryHarness, 'addresses' | 'port'>,
    capabilities: DiscoveryCapabilities,
  ): void => {
    const harness: DiscoveryHarness = {
      // Whether the machine has IPv6 makes no difference.
      create: () => create({ servers: [server.address], timeoutMs: 400, tries: 1, checkRoutes: false }),
      set: (service, instances: readonly ServiceInstanceInit[]) =>
        server.set(...recordSets(service, instances.map(parseInstance))),
      fail: async () => server.pause(),
      recover: async () => server.resume(),
      // A refresh each second; after a failure, one second, two and four.
      withinMs: 8_000,
      ...places,
    }
    describeDiscovery(name, harness, { failure: true, ...capabilities })
  }

  run(
    'DnsSrvDiscovery',
    (options) => new DnsSrvDiscovery({ ...options, name: '_http._tcp.{service}.lb.test.' }),
    (service, instances) => [
      ...targetSets(instances),
      { name: `_http._tcp.${service}`, type: 'SRV', ttl: 1, records: instances.map(srvContent) },
    ],
    { addresses: someAddresses },
    { weights: true, priority: true },
  )

  run(
    'DnsSdDiscovery',
    (options) => new DnsSdDiscovery({ ...options, name: '_{service}._tcp.lb.test.', txtKeys: { weight: 'lb-weight' } }),
    (service, instances) => [
      ...targetSets(instances),
      ...instances.flatMap((instance, index) => instanceSets(`instance-${index}._${service}._tcp`, instance)),
      {
        name: `_${service}._tcp`,
        type: 'PTR',
        ttl: 1,
        records: instances.map((_, index) => `instance-${index}._${service}._tcp.lb.test.`),
      },
    ],
    { addresses: someAddresses },
    { weights: true, priority: true, metadata: true },
  )

  run(
    'DnsDiscovery',
    (options) => new DnsDiscovery({ ...options, name: '{service}.lb.test.', port }),
    (service, instances) => [
      { name: service, type: 'A', ttl: 1, records: hostsOf(instances, false) },
      { name: service, type: 'AAAA', ttl: 1, records: hostsOf(instances, true) },
    ],
    { addresses: ['10.0.0.1', '10.0.0.2', '2001:db8::1', '2001:db8::2'].map((host) => ({ host, port })), port },
    {},
  )
})

const someAddresses = [
  { host: '10.0.0.1', port: 8080 },
  { host: '10.0.0.1', port: 8081 },
  { host: '10.0.0.2', port: 8080 },
  { host: '2001:db8::1', port: 8080 },
]

function hostsOf(instances: readonly ServiceInstance[], isIPv6: boolean): string[] {
  return instances.map(({ host }) => host).filter((host) => host.includes(':') === isIPv6)
}

/** Each host is a target with one address. */
function targetSets(instances: readonly ServiceInstance[]): RecordSet[] {
  return [...new Set(instances.map(({ host }) => host))].map((host) => ({
    name: targetOf(host),
    type: host.includes(':') ? 'AAAA' : 'A',
    ttl: 60,
    records: [host],
  }))
}

function targetOf(host: string): string {
  return `host-${host.replace(/[.:]+/g, '-')}`
}

function srvContent({ priority, weight, port, host }: ServiceInstance): string {
  return `${priority} ${weight} ${port} ${targetOf(host)}.lb.test.`
}

function instanceSets(name: string, instance: ServiceInstance): RecordSet[] {
  const attributes = Object.entries({ ...instance.metadata, 'lb-weight': String(instance.weight) })
  const text = attributes.map(([key, value]) => `"${key}=${value}"`).join(' ')
  return [
    { name, type: 'SRV', ttl: 1, records: [srvContent(instance)] },
    { name, type: 'TXT', ttl: 1, records: [text] },
  ]
}
