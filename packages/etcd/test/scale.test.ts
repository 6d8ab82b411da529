import { Notes } from '@lb/testing'
import { Etcd, FaultProxy, startTimeoutMs } from 'test-servers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { EtcdDiscovery } from '../src/index.ts'
import { EtcdStore } from './etcd-store.ts'
import { eventually } from './eventually.ts'
import { onEachEtcd } from './on-each-etcd.ts'

const timeout = 60_000

onEachEtcd('many instances and services', (version) => {
  let etcd: Etcd
  let store: EtcdStore
  let proxy: FaultProxy
  beforeAll(async () => {
    etcd = await Etcd.start({ version })
    store = new EtcdStore(etcd)
    proxy = await FaultProxy.start({ port: Number(new URL(etcd.url).port) })
  }, startTimeoutMs)
  afterAll(async () => {
    await proxy.close()
    await etcd.stop()
  })

  /** A transaction takes 128 operations at most. */
  const addAll = async (entries: readonly (readonly [service: string, address: string])[]): Promise<void> => {
    for (let from = 0; from < entries.length; from += 100) {
      await store.putAll(entries.slice(from, from + 100))
    }
  }
  const open = (): EtcdDiscovery => new EtcdDiscovery({ endpoints: [`http://${proxy.address}`], timeoutMs: 20_000 })

  it('5 000 instances of one service come, change and go', { timeout }, async () => {
    const address = (number: number): string => `10.1.${number >> 8}.${number & 255}:80`
    const addresses = Array.from({ length: 5_000 }, (_, number) => address(number))
    await addAll(addresses.slice(0, 4_000).map((each) => ['big', each]))
    const [discovery, notes] = [open(), new Notes()]
    discovery.watch('big', notes)
    await eventually(() => expect(notes.latest).toHaveLength(4_000), 20_000)
    await addAll(addresses.slice(4_000).map((each) => ['big', each]))
    await eventually(() => expect(notes.latest).toHaveLength(5_000), 20_000)
    expect(notes.latest).toEqual(addresses.toSorted())
    await store.add('big', { host: '10.1.0.0', port: 80, weight: 2 })
    await eventually(() => expect(notes.latest).toContain('10.1.0.0:80 weight 2'), 20_000)
    await store.remove('big', '10.1.0.0:80')
    await eventually(() => expect(notes.latest).toHaveLength(4_999), 20_000)
    expect(notes.errors).toEqual([])
    await discovery.close()
  })

  it('200 services are watched on few connections; each sees its own changes; all go on after those broke', {
    timeout,
  }, async () => {
    const services = Array.from({ length: 200 }, (_, number) => `service-${number}`)
    await addAll(services.map((service, number) => [service, `10.0.0.1:${1_000 + number}`]))
    const discovery = open()
    const all = services.map((service) => {
      const notes = new Notes()
      discovery.watch(service, notes)
      return notes
    })
    const lengths = (): number[] => [...new Set(all.map(({ latest }) => latest?.length ?? 0))]
    await eventually(() => expect(lengths()).toEqual([1]), 20_000)
    await addAll(services.map((service, number) => [service, `10.0.0.2:${1_000 + number}`]))
    await eventually(() => expect(lengths()).toEqual([2]), 20_000)
    for (const [number, notes] of all.entries()) {
      expect(notes.latest).toEqual([`10.0.0.1:${1_000 + number}`, `10.0.0.2:${1_000 + number}`])
      expect(notes.errors).toEqual([])
    }
    // Sixteen services on a connection make thirteen, and short requests have eight. More where etcd did not read a whole request.
    expect(proxy.openConnections).toBeLessThan(60)
    proxy.reset()
    await addAll(services.map((service, number) => [service, `10.0.0.3:${1_000 + number}`]))
    await eventually(() => expect(lengths()).toEqual([3]), 20_000)
    expect(proxy.openConnections).toBeLessThan(60)
    await discovery.close()
    await eventually(() => expect(proxy.openConnections).toBe(0))
  })
})
