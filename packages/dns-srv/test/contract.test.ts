import type { ServiceDiscovery, ServiceInstance, ServiceInstanceInit } from '@lb/core'
import { parseInstance } from '@lb/core'
import { fastClock } from '@lb/testing'
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
    /** With `isMalformed`, there is one record more, which describes no instance. */
    recordSets: (service: string, instances: readonly ServiceInstance[], isMalformed: boolean) => RecordSet[],
    places: Pick<DiscoveryHarness, 'addresses' | 'port' | 'malform'>,
    capabilities: DiscoveryCapabilities,
  ): void => {
    const written = new Map<string, readonly ServiceInstance[]>()
    const harness: DiscoveryHarness = {
      // Whether the machine has IPv6 makes no difference.
      create: () =>
        create({ servers: [server.address], timeoutMs: 4_000, tries: 1, checkRoutes: false, clock: fastClock }),
      set: async (service, inits: readonly ServiceInstanceInit[]) => {
        const instances = inits.map(parseInstance)
        written.set(service, instances)
        await server.set(...recordSets(service, instances, false))
      },
      malform: (service) => server.set(...recordSets(service, written.get(service) ?? [], true)),
      fail: async () => server.pause(),
      recover: async () => server.resume(),
      // A refresh each second of its clock; after a failure, one second, two and four.
      withinMs: 8_000,
      ...places,
    }
    describeDiscovery(name, harness, { failure: true, otherProcess: true, ...capabilities })
  }

  run(
    'DnsSrvDiscovery',
    (options) => new DnsSrvDiscovery({ ...options, name: '_http._tcp.{service}.lb.test.' }),
    (service, instances, isMalformed) => [
      ...targetSets(instances),
      {
        name: `_http._tcp.${service}`,
        type: 'SRV',
        ttl: 1,
        records: [...instances.map(srvContent), ...(isMalformed ? [srvOfPort0] : [])],
      },
      { name: 'host-bad', type: 'A', ttl: 60, records: ['10.0.0.9'] },
    ],
    { addresses: someAddresses },
    { weights: true, priority: true },
  )

  run(
    'DnsSdDiscovery',
    (options) => new DnsSdDiscovery({ ...options, name: '_{service}._tcp.lb.test.', txtKeys: { weight: 'lb-weight' } }),
    (service, instances, isMalformed) => [
      ...targetSets(instances),
      { name: 'host-bad', type: 'A', ttl: 60, records: ['10.0.0.9'] },
      { name: `bad._${service}._tcp`, type: 'SRV', ttl: 1, records: [srvOfPort0] },
      ...instances.flatMap((instance, index) => instanceSets(`instance-${index}._${service}._tcp`, instance)),
      {
        name: `_${service}._tcp`,
        type: 'PTR',
        ttl: 1,
        records: [...instances.map((_, index) => `instance-${index}`), ...(isMalformed ? ['bad'] : [])].map(
          (instance) => `${instance}._${service}._tcp.lb.test.`,
        ),
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
    // There is no address that is none.
    {
      addresses: ['10.0.0.1', '10.0.0.2', '2001:db8::1', '2001:db8::2'].map((host) => ({ host, port })),
      port,
      malform: undefined,
    },
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

/** No instance can have that port. */
const srvOfPort0 = '0 1 0 host-bad.lb.test.'

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
