import { described, Notes } from '@lb/testing'
import { Etcd, FaultProxy, startTimeoutMs } from 'test-servers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { EtcdDiscovery } from '../src/index.ts'
import { EtcdStore } from './etcd-store.ts'
import { eventually } from './eventually.ts'
import { onEachEtcd } from './on-each-etcd.ts'

onEachEtcd('answers that are malformed byte by byte', (version) => {
  let etcd: Etcd
  let proxy: FaultProxy
  beforeAll(async () => {
    etcd = await Etcd.start({ version })
    await new EtcdStore(etcd).add('orders', '10.0.0.1:80')
    proxy = await FaultProxy.start({ port: Number(new URL(etcd.url).port) })
  }, startTimeoutMs)
  afterAll(async () => {
    await proxy.close()
    await etcd.stop()
  })

  const open = (): EtcdDiscovery =>
    new EtcdDiscovery({ endpoints: [`http://${proxy.address}`], timeoutMs: 400, probeIntervalMs: 200 })
  /** How long a usual answer is, with its head. */
  const answerLength = async (): Promise<number> => {
    await proxy.pass()
    const discovery = open()
    const before = proxy.bytesFromServer
    await discovery.getInstances('orders')
    await discovery.close()
    return proxy.bytesFromServer - before
  }

  it.each<[string, (at: number) => void]>([
    ['a byte is another one', (at) => proxy.corruptAt(at)],
    ['the connection ends', (at) => proxy.cutAt(at)],
    ['the connection is reset', (at) => proxy.cutAt(at, 'reset')],
  ])(
    'a list in which %s is a failure, or what it should be; never an empty or another one',
    { timeout: 60_000 },
    async (_, fault) => {
      const length = await answerLength()
      const usual = expect.arrayContaining([expect.stringMatching(/^(10\.0\.0\.1:80|unreadable: .*)$/)])
      let failures = 0
      // Every offset, in steps that do not divide anything in the answer.
      for (let at = 0; at < length; at += 3) {
        fault(at)
        const discovery = open()
        const list = await discovery.getInstances('orders').then(described, () => undefined)
        if (list === undefined) failures++
        else expect(list, `at ${at} of ${length}`).toEqual(usual)
        await discovery.close()
      }
      expect(failures).toBeGreaterThan(length / 20)
    },
  )

  it.each<[string, (at: number) => void]>([
    ['a byte is another one', (at) => proxy.corruptAt(at)],
    ['the connection breaks', (at) => proxy.cutAt(at, 'reset')],
  ])('a watch in which %s tells no empty list, and recovers', { timeout: 60_000 }, async (_, fault) => {
    const store = new EtcdStore(etcd)
    for (const at of [3, 40, 120, 150, 200, 260, 330, 390, 450, 520, 600]) {
      await proxy.pass()
      const discovery = open()
      const notes = new Notes()
      fault(at)
      discovery.watch('orders', notes)
      await eventually(() => expect(notes.calls).toBeGreaterThan(0), 10_000)
      await store.add('orders', { host: '10.0.0.1', port: 80, metadata: { at: String(at) } })
      await proxy.pass()
      proxy.reset()
      await eventually(() => expect(notes.latest).toEqual(['10.0.0.1:80']), 10_000)
      expect(notes.lists.filter((list) => list.length === 0)).toEqual([])
      await discovery.close()
    }
  })
})
