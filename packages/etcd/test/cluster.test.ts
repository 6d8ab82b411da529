import { Notes } from '@lb/testing'
import { EtcdCluster, startTimeoutMs } from 'test-servers'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { EtcdDiscovery } from '../src/index.ts'
import { EtcdStore } from './etcd-store.ts'
import { eventually } from './eventually.ts'
import { onEachEtcd } from './on-each-etcd.ts'

const timeout = 60_000

onEachEtcd('a cluster of three', (version) => {
  let cluster: EtcdCluster
  let discovery: EtcdDiscovery
  let notes: Notes

  beforeEach(async () => {
    cluster = await EtcdCluster.start(3, { version })
    notes = new Notes()
  }, startTimeoutMs)
  afterEach(async () => {
    await discovery.close()
    await cluster.stop()
  }, startTimeoutMs)

  const member = (index: number): EtcdCluster['members'][number] =>
    cluster.members[index] as EtcdCluster['members'][number]
  const watch = (endpoints: readonly string[], probeIntervalMs = 500): void => {
    // The first endpoint is asked first.
    discovery = new EtcdDiscovery({ endpoints, timeoutMs: 1_000, probeIntervalMs, random: () => 0.99 })
    discovery.watch('orders', notes)
  }
  const become = (...expected: string[]): Promise<unknown> =>
    eventually(() => expect(notes.latest).toEqual(expected), 30_000)

  it('of which most are gone says so on the watch: what is left is not silent', { timeout }, async () => {
    const store = new EtcdStore(member(0))
    await store.add('orders', '10.0.0.1:80')
    // Nothing but the watch itself could find out.
    watch([member(0).url], 3_600_000)
    await become('10.0.0.1:80')
    await store.add('orders', '10.0.0.2:80')
    await become('10.0.0.1:80', '10.0.0.2:80')
    await Promise.all([member(1).kill(), member(2).kill()])
    await eventually(() => expect(notes.errors[0]?.message).toContain('no leader'), 15_000)
    expect(notes.latest).toEqual(['10.0.0.1:80', '10.0.0.2:80'])
    await Promise.all([member(1).restart(), member(2).restart()])
    await eventually(() => store.add('orders', '10.0.0.3:80'), 20_000)
    await become('10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80')
    expect(notes.lists.every((list) => list.length > 0)).toBe(true)
  })

  it('goes on with another member when the one that is watched is killed, and when it stands still', {
    timeout,
  }, async () => {
    const last = new EtcdStore(member(2))
    await last.add('orders', '10.0.0.1:80')
    watch(cluster.urls)
    await become('10.0.0.1:80')
    await member(0).kill()
    // Whoever led the cluster may be the one.
    await eventually(() => last.add('orders', '10.0.0.2:80'), 20_000)
    await become('10.0.0.1:80', '10.0.0.2:80')
    await member(0).restart()
    member(1).pause()
    await eventually(() => last.add('orders', '10.0.0.3:80'), 20_000)
    await become('10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80')
    member(1).resume()
    expect(notes.lists.every((list) => list.length > 0)).toBe(true)
  })
})
