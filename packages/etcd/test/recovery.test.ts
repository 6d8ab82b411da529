import { Notes } from '@lb/testing'
import { Etcd, FaultProxy, startTimeoutMs } from 'test-servers'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { EtcdDiscovery, type EtcdDiscoveryOptions } from '../src/index.ts'
import { EtcdStore } from './etcd-store.ts'
import { eventually } from './eventually.ts'
import { onEachEtcd } from './on-each-etcd.ts'

const timeout = 40_000

onEachEtcd('a watch', (version) => {
  let etcd: Etcd
  let store: EtcdStore
  let proxy: FaultProxy
  let discovery: EtcdDiscovery
  let notes: Notes

  beforeEach(async () => {
    etcd = await Etcd.start({ version })
    store = new EtcdStore(etcd)
    proxy = await FaultProxy.start({ port: Number(new URL(etcd.url).port) })
    notes = new Notes()
  }, startTimeoutMs)
  afterEach(async () => {
    await discovery.close()
    await proxy.close()
    await etcd.stop()
  })

  const watch = (options: EtcdDiscoveryOptions = {}): void => {
    discovery = new EtcdDiscovery({
      endpoints: [`http://${proxy.address}`],
      timeoutMs: 500,
      probeIntervalMs: 500,
      ...options,
    })
    discovery.watch('orders', notes)
  }
  const become = (...expected: string[]): Promise<unknown> =>
    eventually(() => expect(notes.latest).toEqual(expected), 20_000)
  const neverEmpty = (): void => expect(notes.lists.every((list) => list.length > 0)).toBe(true)

  it('does not see instances of a service whose name begins with the same', { timeout }, async () => {
    await store.add('orders', '10.0.0.1:80')
    await store.add('orders2', '10.0.0.2:80')
    watch()
    await become('10.0.0.1:80')
    await store.add('orders2', '10.0.0.3:80')
    await store.add('orders', '10.0.0.4:80')
    await become('10.0.0.1:80', '10.0.0.4:80')
  })

  it('finds out that its connection has died without a sign, and makes another one', { timeout }, async () => {
    await store.add('orders', '10.0.0.1:80')
    watch()
    await become('10.0.0.1:80')
    proxy.blackHole()
    await eventually(() => expect(notes.errors.length).toBeGreaterThan(0), 10_000)
    await store.add('orders', '10.0.0.2:80')
    await proxy.pass()
    await become('10.0.0.1:80', '10.0.0.2:80')
    neverEmpty()
  })

  it('replaces its list at once when what it missed was compacted meanwhile', { timeout }, async () => {
    await store.add('orders', '10.0.0.1:80')
    await store.add('orders', '10.0.0.2:80')
    watch()
    await become('10.0.0.1:80', '10.0.0.2:80')
    proxy.refuse()
    proxy.reset()
    await eventually(() => expect(notes.errors.length).toBeGreaterThan(0), 10_000)
    await store.remove('orders', '10.0.0.1:80')
    await store.add('orders', '10.0.0.3:80')
    await store.compact(await store.add('orders', '10.0.0.4:80'))
    await proxy.pass()
    await become('10.0.0.2:80', '10.0.0.3:80', '10.0.0.4:80')
    const between = notes.lists.filter((list) => list.length !== 2 && list.length !== 3)
    expect(between).toEqual([])
    await store.add('orders', '10.0.0.5:80')
    await become('10.0.0.2:80', '10.0.0.3:80', '10.0.0.4:80', '10.0.0.5:80')
  })

  it('lists again where the store has another history', { timeout }, async () => {
    for (let port = 1; port <= 20; port++) await store.add('orders', `10.0.0.1:${port}`)
    const restored = await Etcd.start({ version })
    await new EtcdStore(restored).add('orders', '10.0.0.2:80')
    watch({ endpoints: [etcd.url, restored.url], random: () => 0.99 })
    await eventually(() => expect(notes.latest).toHaveLength(20), 10_000)
    await etcd.kill()
    await become('10.0.0.2:80')
    await new EtcdStore(restored).add('orders', '10.0.0.3:80')
    await become('10.0.0.2:80', '10.0.0.3:80')
    await restored.stop()
  })

  it('reads what comes one byte at a time', { timeout }, async () => {
    proxy.singleBytes()
    await store.add('orders', '10.0.0.1:80')
    watch({ timeoutMs: 5_000, probeIntervalMs: 60_000 })
    await become('10.0.0.1:80')
    await store.set('orders', ['10.0.0.2:80', '10.0.0.3:80'])
    await become('10.0.0.2:80', '10.0.0.3:80')
    expect(notes.errors).toEqual([])
  })
})
