import { DnsDist, PowerDns, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { DnsSrvDiscovery, type DnsSrvDiscoveryOptions } from '../src/index.ts'
import { addressesOf } from './discovery-on-loopback.ts'

/** What servers and middleboxes say that cannot do with EDNS. */
const ednsFailures = ['FORMERR', 'SERVFAIL', 'NOTIMP', 'REFUSED']
const hasEdns = 'RecordsTypeCountRule(DNSSection.Additional, DNSQType.OPT, 1, 1)'
const services = ['slow', 'silent', 'lossy', 'tcp', 'servfail', 'refused', 'healthy'].concat(
  ednsFailures.map((code) => `edns-${code}`),
)

describeWithServers('with dnsdist before PowerDNS', [...DnsDist.programs, ...PowerDns.programs], () => {
  let backend: PowerDns
  let server: DnsDist

  beforeAll(async () => {
    backend = await PowerDns.start('lb.test', [
      { name: 'a', type: 'A', ttl: 60, records: ['10.0.0.1'] },
      ...services.map((name) => ({
        name: `_http._tcp.${name}`,
        type: 'SRV' as const,
        ttl: 5,
        records: ['0 1 80 a.lb.test.'],
      })),
    ])
    server = await DnsDist.start(backend.port, [
      'addAction("_http._tcp.slow.lb.test.", DelayAction(400))',
      'addAction("_http._tcp.silent.lb.test.", DropAction())',
      'addAction(AndRule({makeRule("_http._tcp.lossy.lb.test."), ProbaRule(0.5)}), DropAction())',
      'addAction(AndRule({makeRule("_http._tcp.tcp.lb.test."), TCPRule(false)}), TCAction())',
      'addAction("_http._tcp.servfail.lb.test.", RCodeAction(DNSRCode.SERVFAIL))',
      'addAction("_http._tcp.refused.lb.test.", RCodeAction(DNSRCode.REFUSED))',
      ...ednsFailures.map(
        (code) =>
          `addAction(AndRule({makeRule("_http._tcp.edns-${code}.lb.test."), ${hasEdns}}), RCodeAction(DNSRCode.${code}))`,
      ),
    ])
  }, startTimeoutMs)
  afterAll(async () => {
    await server.stop()
    await backend.stop()
  })

  const found = ['10.0.0.1:80']
  const list = async (service: string, options: DnsSrvDiscoveryOptions): Promise<string[]> => {
    const discovery = new DnsSrvDiscovery({
      name: '_http._tcp.{service}.lb.test.',
      servers: [server.address],
      ...options,
    })
    try {
      return addressesOf(await discovery.getInstances(service))
    } finally {
      await discovery.close()
    }
  }

  it('an answer that is late, but in time, is taken', async () => {
    expect(await list('slow', { timeoutMs: 3_000, tries: 1 })).toEqual(found)
  })

  it('an answer that is too late is not waited for', async () => {
    await expect(list('slow', { timeoutMs: 100, tries: 2 })).rejects.toThrow('no answer within 100 ms')
  })

  it('a server that drops everything gave no answer', async () => {
    await expect(list('silent', { timeoutMs: 100, tries: 2 })).rejects.toThrow('no answer within 100 ms')
    expect(await list('healthy', { timeoutMs: 20_000 })).toEqual(found)
  })

  it('with half of the queries lost, tries find the answer', async () => {
    // All ten tries of one lookup are lost with p = 2^-10, of a second one too with 2^-20.
    const once = (): Promise<string[]> => list('lossy', { timeoutMs: 150, tries: 10 })
    expect(await once().catch(once)).toEqual(found)
  })

  it('a truncated answer without records is asked for over TCP', async () => {
    expect(await list('tcp', { tries: 1 })).toEqual(found)
  })

  it.each(ednsFailures)('%s to EDNS is asked again without it', async (code) => {
    expect(await list(`edns-${code}`, { tries: 1 })).toEqual(found)
  })

  it.each(['servfail', 'refused'])('%s is a failure, unless another server knows better', async (service) => {
    await expect(list(service, { tries: 1 })).rejects.toThrow(service.toUpperCase())
    expect(await list(service, { tries: 1, servers: [server.address, backend.address] })).toEqual(found)
  })
})
