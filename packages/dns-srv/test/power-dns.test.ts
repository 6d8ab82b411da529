import { networkInterfaces } from 'node:os'
import { LoadBalancer } from '@lb/core'
import { Notes } from '@lb/testing'
import { PowerDns, type RecordSet, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { DnsSrvDiscovery, type DnsSrvDiscoveryOptions } from '../src/index.ts'
import { addressesOf, described } from './discovery-on-loopback.ts'
import { lookUpService } from './look-up-service.ts'

/** Each test has a service of its own. */
let services = 0

describeWithServers('with PowerDNS', PowerDns.programs, () => {
  let server: PowerDns
  let service: string

  beforeAll(async () => {
    server = await PowerDns.start('lb.test', [
      { name: 'a', type: 'A', ttl: 60, records: ['10.0.0.1', '10.0.0.2'] },
      { name: 'b', type: 'AAAA', ttl: 60, records: ['2001:db8::1'] },
      { name: 'c', type: 'A', ttl: 60, records: ['10.0.0.3'] },
    ])
  }, startTimeoutMs)
  afterAll(() => server.stop())
  beforeEach(() => {
    services++
    service = `service-${services}`
  })

  const discover = (options: DnsSrvDiscoveryOptions = {}): DnsSrvDiscovery =>
    new DnsSrvDiscovery({
      name: '_http._tcp.{service}.lb.test.',
      servers: [server.address],
      timeoutMs: 1_000,
      checkRoutes: false,
      ...options,
    })
  const records = (ttl: number, ...content: string[]): RecordSet => ({
    name: `_http._tcp.${service}`,
    type: 'SRV',
    ttl,
    records: content,
  })

  it('gives priority, weight and addresses with one query, as the server sends the addresses along', async () => {
    await server.set(records(5, '0 6 80 a.lb.test.', '0 0 81 b.lb.test.', '7 0 80 c.lb.test.'))
    const before = await server.queries()
    expect(described(await discover().getInstances(service))).toEqual([
      // 6 and 0: the zero gets 1 in 100, as 300 and 3. The first is shared by two addresses: everything is doubled.
      '10.0.0.1:80 weight 300 priority 0',
      '10.0.0.2:80 weight 300 priority 0',
      '10.0.0.3:80 weight 1 priority 7',
      '2001:db8::1:81 weight 6 priority 0',
    ])
    expect((await server.queries()).udp - before.udp).toBe(1)
  })

  it('takes the smallest time to live, also when those of one set differ', async () => {
    // Addresses are never kept longer than 30 s, so that nothing is.
    await server.set(records(40, '0 1 80 a.lb.test.', '0 1 80 c.lb.test.'))
    expect((await lookUpService(server.address, `_http._tcp.${service}.lb.test.`)).ttlMs).toBeCloseTo(30_000)
    await server.sql(
      `update records set ttl = 3 where name = '_http._tcp.${service}.lb.test' and content like '%c.lb.test%'`,
    )
    expect((await lookUpService(server.address, `_http._tcp.${service}.lb.test.`)).ttlMs).toBeCloseTo(3_000)
  })

  it('takes the negative time to live of the zone', async () => {
    expect(await lookUpService(server.address, `_http._tcp.${service}.lb.test.`)).toEqual({
      instances: [],
      rejected: [],
      ttlMs: 1_000,
    })
    // A name that has other records.
    expect(await lookUpService(server.address, 'a.lb.test.')).toEqual({ instances: [], rejected: [], ttlMs: 1_000 })
  })

  it('sees a change within the time to live', async () => {
    await server.set(records(1, '0 1 80 c.lb.test.'))
    const discovery = discover()
    const notes = new Notes()
    discovery.watch(service, notes)
    await vi.waitFor(() => expect(notes.lists.map(addressesOf)).toEqual([['10.0.0.3:80']]))
    await server.set(records(1, '0 1 81 c.lb.test.'))
    // The second beyond is for a machine that does something else meanwhile.
    await vi.waitFor(() => expect(addressesOf(notes.lists.at(-1) ?? [])).toEqual(['10.0.0.3:81']), { timeout: 2_000 })
    await discovery.close()
  })

  it('gets an answer that is too large for a datagram over TCP', async () => {
    const ports = Array.from({ length: 300 }, (_, index) => 1_000 + index)
    await server.set(records(5, ...ports.map((port) => `0 1 ${port} c.lb.test.`)))
    const before = await server.queries()
    expect(await discover().getInstances(service)).toHaveLength(300)
    const after = await server.queries()
    expect([after.udp - before.udp, after.tcp - before.tcp]).toEqual([1, 1])
  })

  it('has no instances when the only target is the root', async () => {
    await server.set(records(9, '0 0 0 .'))
    expect(await lookUpService(server.address, `_http._tcp.${service}.lb.test.`)).toEqual({
      instances: [],
      rejected: [],
      ttlMs: 9_000,
    })
  })

  it('follows aliases of the service, and leaves out targets that do not exist', async () => {
    await server.set(
      { name: `_http._tcp.${service}`, type: 'CNAME', ttl: 5, records: [`x-${service}.lb.test.`] },
      { name: `x-${service}`, type: 'CNAME', ttl: 5, records: [`y-${service}.lb.test.`] },
      { name: `y-${service}`, type: 'SRV', ttl: 5, records: ['0 1 80 c.lb.test.', '0 1 80 nobody.lb.test.'] },
    )
    expect(addressesOf(await discover().getInstances(service))).toEqual(['10.0.0.3:80'])
  })

  it('is asked over IPv6', async ({ skip }) => {
    const addresses = Object.values(networkInterfaces()).flat()
    if (!addresses.some((entry) => entry?.address === '::1')) skip('this machine has no IPv6 loopback')
    await server.set(records(5, '0 1 80 c.lb.test.'))
    const discovery = discover({ servers: [`[::1]:${server.port}`] })
    expect(addressesOf(await discovery.getInstances(service))).toEqual(['10.0.0.3:80'])
  })

  it('is refused what the server does not know', async () => {
    const discovery = discover({ name: '{service}.elsewhere.test.' })
    await expect(discovery.getInstances(service)).rejects.toThrow('REFUSED')
  })

  it('keeps the last good list while the server has SERVFAIL for everything', async () => {
    await server.set(records(1, '0 1 80 c.lb.test.'))
    const lb = new LoadBalancer({ discovery: discover() })
    await lb.ready(service)
    await server.sql('alter table records rename to hidden')
    await vi.waitFor(() => expect(lb.inspect(service)).toMatchObject({ status: 'stale' }), { timeout: 5_000 })
    expect(lb.inspect(service)).toMatchObject({ discoveryError: expect.stringContaining('SERVFAIL') })
    expect(lb.pick(service).host).toBe('10.0.0.3')
    await server.sql('alter table hidden rename to records')
    await vi.waitFor(() => expect(lb.inspect(service)).not.toMatchObject({ status: 'stale' }), { timeout: 5_000 })
    await lb.close()
  })
})

describeWithServers('with a zone like that of a Kubernetes cluster', PowerDns.programs, () => {
  let server: PowerDns
  beforeAll(async () => {
    server = await PowerDns.start('cluster.local', [
      {
        name: '_http._tcp.web.default.svc',
        type: 'SRV',
        ttl: 5,
        records: [
          '0 50 8080 10-244-0-7.web.default.svc.cluster.local.',
          '0 50 8080 10-244-1-9.web.default.svc.cluster.local.',
        ],
      },
      { name: '10-244-0-7.web.default.svc', type: 'A', ttl: 5, records: ['10.244.0.7'] },
      { name: '10-244-1-9.web.default.svc', type: 'A', ttl: 5, records: ['10.244.1.9'] },
    ])
  }, startTimeoutMs)
  afterAll(() => server.stop())

  it.each<[string, DnsSrvDiscoveryOptions]>([
    ['its full name', { name: '_http._tcp.{service}.default.svc.cluster.local.' }],
    ['the search domains of a pod', { search: ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local'] }],
  ])('a headless service is found by %s', async (_, options) => {
    const discovery = new DnsSrvDiscovery({ servers: [server.address], tries: 1, ...options })
    expect(described(await discovery.getInstances('web'))).toEqual([
      '10.244.0.7:8080 weight 50 priority 0',
      '10.244.1.9:8080 weight 50 priority 0',
    ])
    await discovery.close()
  })
})
