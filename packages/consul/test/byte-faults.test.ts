import { DiscoveryError, parseInstance, type ServiceInstanceInit } from '@lb/core'
import { Notes } from '@lb/testing'
import { Consul, FaultProxy, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { ConsulDiscovery } from '../src/index.ts'
import { inCatalogue } from './registered.ts'

describeWithServers('with a faulty way to the agent', Consul.programs, () => {
  let consul: Consul
  let proxy: FaultProxy
  let answerBytes: number
  beforeAll(async () => {
    consul = await Consul.start()
    proxy = await FaultProxy.start({ port: Number(new URL(consul.url).port) })
    for (const port of [1, 2]) await consul.register({ ID: `web-${port}`, Name: 'web', Port: port })
    await inCatalogue(consul, 'web', 2)
    await ask()
    answerBytes = proxy.bytesFromServer
  }, startTimeoutMs)
  afterAll(async () => {
    await proxy.close()
    await consul.stop()
  })

  /** On a connection of its own, since faults count from its beginning. */
  const ask = async (timeoutMs = 5_000): Promise<readonly ServiceInstanceInit[]> => {
    const discovery = new ConsulDiscovery({ address: proxy.address, env: {}, timeoutMs })
    try {
      return await discovery.getInstances('web')
    } finally {
      await discovery.close()
    }
  }

  /** What a watch emits first. */
  const watchOnce = async (timeoutMs: number): Promise<Notes> => {
    const notes = new Notes()
    const discovery = new ConsulDiscovery({ address: proxy.address, env: {}, timeoutMs })
    const called = new Promise<void>((resolve) => {
      notes.onCall = resolve
    })
    discovery.watch('web', notes)
    await called
    await discovery.close()
    return notes
  }

  const everyOffset = async (check: (offset: number) => Promise<void>): Promise<void> => {
    for (let offset = 0; offset < answerBytes; offset++) await check(offset)
  }

  it('every byte may come by itself', async () => {
    proxy.singleBytes()
    expect(await ask()).toHaveLength(2)
    await proxy.pass()
  }, 20_000)

  it('an answer that ends early is a failure, wherever it ends', async () => {
    await everyOffset(async (offset) => {
      for (const by of ['end', 'reset'] as const) {
        proxy.cutAt(offset, by)
        await expect(ask(), `${by} at ${offset}`).rejects.toBeInstanceOf(DiscoveryError)
      }
    })
    await proxy.pass()
  }, 60_000)

  it('an answer with a wrong byte is a failure, or has the same two entries, and none of it escapes', async () => {
    await everyOffset(async (offset) => {
      proxy.corruptAt(offset)
      const { lists, rejected, errors } = await watchOnce(150)
      if (errors[0] instanceof DiscoveryError) return
      expect((lists[0]?.length ?? 0) + (rejected[0]?.length ?? 0), `at ${offset}`).toBe(2)
    })
    await proxy.pass()
  }, 120_000)

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
    const ports = (): number[] | undefined => notes.lists.at(-1)?.map((init) => parseInstance(init).port)
    await vi.waitFor(() => expect(ports()).toEqual([1, 2, 3]), { timeout: 15_000 })
    for (const list of notes.lists) expect(list.length).toBeGreaterThan(0)
    await discovery.close()
  }, 60_000)
})
