import { LoadBalancer } from '@lb/core'
import { systemClock } from '@lb/core/authoring'
import { FakeClock, Notes } from '@lb/testing'
import { FakeNacos } from 'test-servers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { NacosDiscovery } from '../src/index.ts'

let fake: FakeNacos
const closing: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(closing.splice(0).map((each) => each.close()))
  await fake.stop()
})

const timeout = 30_000

describe.each(['2.5', '3.2'] as const)('on the fake of %s', (version) => {
  it('5 000 instances in one service are read, and one more is seen', { timeout }, async () => {
    fake = await FakeNacos.start({ version })
    const hosts = Array.from({ length: 5_000 }, (_, index) => ({
      ip: `10.0.${index >> 8}.${index & 255}`,
      port: 8080,
      metadata: { version: '1.2.3', region: 'eu-west-1', owner: `team-${index % 7}` },
    }))
    fake.set('web', hosts)
    const clock = new FakeClock()
    const lb = new LoadBalancer({ discovery: new NacosDiscovery({ servers: [fake.url], clock }), clock })
    closing.push(lb)
    const startedMs = systemClock.now()
    await lb.ready('web')
    // A tenth of a second here; the limit is for machines under load.
    expect(systemClock.now() - startedMs).toBeLessThan(10_000)
    expect(lb.inspect('web').instances).toHaveLength(5_000)
    fake.set('web', [...hosts, { ip: '10.1.0.0', port: 8080 }])
    await clock.advance(10_000)
    await vi.waitFor(() => expect(lb.inspect('web').instances).toHaveLength(5_001), timeout)
  })

  it('200 services are watched by one process over few connections', { timeout }, async () => {
    fake = await FakeNacos.start({ version, cacheMillis: 1_000, auth: { username: 'lb', password: 'secret' } })
    const services = Array.from({ length: 200 }, (_, index) => `service-${index}`)
    for (const [index, service] of services.entries()) fake.set(service, [{ ip: '10.0.0.1', port: 1_000 + index }])
    const options = { username: 'lb', password: 'secret', pollIntervalMs: 1_000 }
    const discovery = new NacosDiscovery({ servers: [fake.url], ...options })
    closing.push(discovery)
    const notes = services.map((service) => {
      const each = new Notes()
      discovery.watch(service, each)
      return each
    })
    await vi.waitFor(() => expect(notes.every(({ lists }) => lists.length > 0)).toBe(true), timeout)
    expect(notes.map(({ ports }) => ports?.[0])).toEqual(services.map((_, index) => 1_000 + index))
    fake.set('service-7', [])
    fake.set('service-8', [{ ip: '10.0.0.1', port: 9_999 }])
    await vi.waitFor(() => expect([notes[7]?.ports, notes[8]?.ports]).toEqual([[], [9_999]]), timeout)
    expect(fake.connections).toBeLessThanOrEqual(16)
    expect(fake.auth.logins).toBe(1)
    expect(notes.every(({ errors }) => errors.length === 0)).toBe(true)
  })

  it('200 services are not asked for in step', { timeout }, async () => {
    fake = await FakeNacos.start({ version, cacheMillis: 10_000 })
    const clock = new FakeClock()
    const discovery = new NacosDiscovery({ servers: [fake.url], clock })
    closing.push(discovery)
    const notes = Array.from({ length: 200 }, (_, index) => {
      const each = new Notes()
      discovery.watch(`service-${index}`, each)
      return each
    })
    await vi.waitFor(() => expect(notes.every(({ lists }) => lists.length === 1)).toBe(true), timeout)
    // The second round comes from 8 s to 10 s after the first.
    await clock.advance(7_900)
    expect(notes.every(({ lists }) => lists.length === 1)).toBe(true)
    await clock.advance(1_100)
    await vi.waitFor(() => expect(notes.filter(({ lists }) => lists.length === 2).length).toBeGreaterThan(50), timeout)
    expect(notes.filter(({ lists }) => lists.length === 2).length).toBeLessThan(150)
  })
})
