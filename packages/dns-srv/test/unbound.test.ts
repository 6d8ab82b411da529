import { Notes } from '@lb/testing'
import { PowerDns, startTimeoutMs, Unbound } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { DnsSrvDiscovery } from '../src/index.ts'
import { addressesOf } from './discovery-on-loopback.ts'
import { lookUpService } from './look-up-service.ts'

describeWithServers('with Unbound before PowerDNS', [...Unbound.programs, ...PowerDns.programs], () => {
  let authoritative: PowerDns
  let resolver: Unbound

  beforeAll(async () => {
    const records = ['0 1 80 a.lb.test.']
    authoritative = await PowerDns.start('lb.test', [
      { name: 'a', type: 'A', ttl: 60, records: ['10.0.0.1'] },
      { name: '_http._tcp.web', type: 'SRV', ttl: 9, records },
      { name: '_http._tcp.live', type: 'SRV', ttl: 2, records },
      { name: '_http._tcp.many', type: 'SRV', ttl: 60, records: manyRecords() },
    ])
    resolver = await Unbound.start('lb.test', authoritative.port)
  }, startTimeoutMs)
  afterAll(async () => {
    await resolver.stop()
    await authoritative.stop()
  })

  it('a time to live that counts down is taken as it is', async () => {
    const ttlMs = async (): Promise<number | undefined> =>
      (await lookUpService(resolver.address, '_http._tcp.web.lb.test.')).ttlMs
    const first = (await ttlMs()) ?? 0
    expect(first).toBeLessThanOrEqual(9_000)
    await vi.waitFor(async () => expect(await ttlMs()).toBeLessThan(first), { timeout: 3_000, interval: 100 })
  })

  it('a change is seen when the time to live is over, not much later', async () => {
    const discovery = new DnsSrvDiscovery({ name: '_http._tcp.{service}.lb.test.', servers: [resolver.address] })
    const notes = new Notes()
    discovery.watch('live', notes)
    await vi.waitFor(() => expect(notes.lists.map(addressesOf)).toEqual([['10.0.0.1:80']]))
    await authoritative.set({ name: '_http._tcp.live', type: 'SRV', ttl: 2, records: ['0 1 81 a.lb.test.'] })
    const startMs = performance.now()
    await vi.waitFor(() => expect(addressesOf(notes.lists.at(-1) ?? [])).toEqual(['10.0.0.1:81']), { timeout: 5_000 })
    // 2 s, 1 s as Unbound counts whole seconds, and 1 s of floor.
    expect(performance.now() - startMs).toBeLessThan(4_000)
    await discovery.close()
  })

  it('a truncated answer comes whole over TCP, its targets without addresses are asked for', async () => {
    const { instances } = await lookUpService(resolver.address, '_http._tcp.many.lb.test.')
    expect(instances).toHaveLength(100)
  })

  it('what does not exist is no failure', async () => {
    expect(await lookUpService(resolver.address, '_http._tcp.nobody.lb.test.')).toMatchObject({ instances: [] })
  })
})

function manyRecords(): string[] {
  return Array.from({ length: 100 }, (_, index) => `0 1 ${1_000 + index} a.lb.test.`)
}
