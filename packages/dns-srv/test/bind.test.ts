import { parseInstance } from '@lb/core'
import { Bind, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { DnsSdDiscovery, DnsSrvDiscovery } from '../src/index.ts'
import { addressesOf, described } from './discovery-on-loopback.ts'
import { lookUpService } from './look-up-service.ts'

describeWithServers('with BIND', Bind.programs, () => {
  let server: Bind
  let discovery: DnsSrvDiscovery

  beforeAll(async () => {
    server = await Bind.start([
      '_http._tcp.web 4 IN SRV 1 10 8080 a',
      '_http._tcp.web 4 IN SRV 0 5 8080 b',
      'a 9 IN A 10.0.0.1',
      'a 9 IN A 10.0.0.2',
      'b 9 IN AAAA 2001:db8::1',
      '_http._tcp.none 6 IN SRV 0 0 0 .',
      '_http._tcp.alias IN CNAME _http._tcp.web',
      '_browse._tcp 5 IN PTR Web\\032One\\.1._browse._tcp',
      '_browse._tcp 5 IN PTR K\\195\\188che._browse._tcp',
      'Web\\032One\\.1._browse._tcp 5 IN SRV 0 0 8080 a',
      'Web\\032One\\.1._browse._tcp 5 IN TXT "version=2" "zone=eu-1"',
      'K\\195\\188che._browse._tcp 5 IN SRV 0 0 8081 b',
      'K\\195\\188che._browse._tcp 5 IN TXT ""',
      ...Array.from({ length: 90 }, (_, index) => `_http._tcp.many IN SRV 0 1 ${1_000 + index} a`),
    ])
    const name = '_http._tcp.{service}.lb.test.'
    discovery = new DnsSrvDiscovery({ name, servers: [server.address], checkRoutes: false })
  }, startTimeoutMs)
  afterAll(async () => {
    await discovery.close()
    await server.stop()
  })

  it('gives priority, weight and every address, and the smallest time to live', async () => {
    const { instances, ttlMs } = await lookUpService(server.address, '_http._tcp.web.lb.test.')
    expect(described(instances)).toEqual([
      '10.0.0.1:8080 weight 10 priority 1',
      '10.0.0.2:8080 weight 10 priority 1',
      '2001:db8::1:8080 weight 5 priority 0',
    ])
    expect(ttlMs).toBe(4_000)
  })

  it('gives the same through an alias', async () => {
    expect(addressesOf(await discovery.getInstances('alias'))).toEqual(addressesOf(await discovery.getInstances('web')))
  })

  it('gets a truncated answer whole over TCP', async () => {
    expect(await discovery.getInstances('many')).toHaveLength(180)
  })

  it('says what has no instances, and for how long', async () => {
    expect(await lookUpService(server.address, '_http._tcp.nobody.lb.test.')).toEqual({
      instances: [],
      rejected: [],
      ttlMs: 2_000,
    })
    expect(await lookUpService(server.address, 'a.lb.test.')).toEqual({ instances: [], rejected: [], ttlMs: 2_000 })
    expect(await lookUpService(server.address, '_http._tcp.none.lb.test.')).toEqual({
      instances: [],
      rejected: [],
      ttlMs: 6_000,
    })
  })

  it('is browsed: names with a space, a dot and an umlaut', async () => {
    const browsing = new DnsSdDiscovery({
      name: '_{service}._tcp.lb.test.',
      servers: [server.address],
      checkRoutes: false,
      txtKeys: { zone: 'zone' },
    })
    const instances = (await browsing.getInstances('browse')).map(parseInstance)
    await browsing.close()
    const found = instances.map(({ id, zone, metadata }) => `${id}: ${metadata.instance}, ${zone}, ${metadata.version}`)
    expect(found.sort()).toEqual([
      '10.0.0.1:8080: Web One.1, eu-1, 2',
      '10.0.0.2:8080: Web One.1, eu-1, 2',
      '2001:db8::1:8081: Küche, undefined, undefined',
    ])
  })

  it.each([
    ['SERVFAIL', 'web.broken.test.'],
    ['REFUSED', 'web.elsewhere.test.'],
  ])('fails with %s', async (code, name) => {
    await expect(lookUpService(server.address, name)).rejects.toThrow(code)
  })

  it('shows what was changed', async () => {
    await server.update('update add _http._tcp.live.lb.test. 1 SRV 0 1 80 a.lb.test.')
    expect(addressesOf(await discovery.getInstances('live'))).toEqual(['10.0.0.1:80', '10.0.0.2:80'])
    await server.update(
      'update delete a.lb.test. A 10.0.0.1',
      'update add _http._tcp.live.lb.test. 1 SRV 0 1 80 b.lb.test.',
    )
    expect(addressesOf(await discovery.getInstances('live'))).toEqual(['10.0.0.2:80', '2001:db8::1:80'])
    await server.update('update delete _http._tcp.live.lb.test. SRV', 'update add a.lb.test. 9 A 10.0.0.1')
    expect(await discovery.getInstances('live')).toEqual([])
  })
})
