import { Notes } from '@lb/testing'
import { describeByteFaults } from '@lb/testing/suites'
import { Consul, FaultProxy, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { ConsulDiscovery } from '../src/index.ts'
import { inCatalogue } from './registered.ts'

describeWithServers('with a faulty way to the agent', Consul.programs, () => {
  let consul: Consul
  let proxy: FaultProxy
  beforeAll(async () => {
    consul = await Consul.start()
    proxy = await FaultProxy.start({ port: Number(new URL(consul.url).port) })
    for (const port of [1, 2]) await consul.register({ ID: `web-${port}`, Name: 'web', Port: port })
    await inCatalogue(consul, 'web', 2)
  }, startTimeoutMs)
  afterAll(async () => {
    await proxy.close()
    await consul.stop()
  })

  describeByteFaults('ConsulDiscovery', {
    connect: () => FaultProxy.start({ port: Number(new URL(consul.url).port) }),
    create: ({ address }, timeoutMs) => new ConsulDiscovery({ address, env: {}, timeoutMs }),
    service: 'web',
    count: 2,
  })

  it('a watch outlives all of it, without ever telling an empty list', async () => {
    const notes = new Notes()
    const discovery = new ConsulDiscovery({ address: proxy.address, env: {}, waitMs: 1_000, timeoutMs: 200 })
    discovery.watch('web', notes)
    await vi.waitFor(() => expect(notes.lists).toHaveLength(1))
    const fails = async (): Promise<void> => {
      const { length } = notes.errors
      await vi.waitFor(() => expect(notes.errors.length).toBeGreaterThan(length), { timeout: 10_000 })
    }
    proxy.refuse()
    proxy.reset()
    await fails()
    await proxy.pass()
    for (const fault of [
      () => proxy.blackHole(),
      () => proxy.cutAt(700),
      () => proxy.transform((bytes) => bytes.fill(0)),
    ]) {
      fault()
      await fails()
    }
    await proxy.pass()
    await consul.register({ ID: 'web-3', Name: 'web', Port: 3 })
    await vi.waitFor(() => expect(notes.ports).toEqual([1, 2, 3]), { timeout: 15_000 })
    for (const list of notes.lists) expect(list.length).toBeGreaterThan(0)
    await discovery.close()
  }, 60_000)
})
