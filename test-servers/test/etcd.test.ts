import { afterEach, expect, it, vi } from 'vitest'
import { describeWithServers } from '../src/describe-with-servers.ts'
import { Etcd, EtcdCluster, type EtcdVersion, startTimeoutMs } from '../src/index.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const key = base64('key')

describeWithServers('etcd', Etcd.programs, () => {
  let stop: () => Promise<void>
  afterEach(() => stop())

  it.each(['3.4', '3.5'] as const)('keeps its keys over a crash: %s', { timeout: startTimeoutMs }, async (version) => {
    const etcd = await started(version)
    await etcd.post('/v3/kv/put', { key, value: base64('value') })
    await etcd.kill()
    await expect(etcd.get('/health')).rejects.toThrow('ECONNREFUSED')
    await etcd.restart()
    expect(await etcd.post('/v3/kv/range', { key })).toMatchObject({ kvs: [{ key, value: base64('value') }] })
    expect(await etcd.get('/version')).toMatchObject({ etcdserver: expect.stringContaining(`${version}.`) })
  })

  it('speaks HTTPS, and asks for certificates of clients', { timeout: startTimeoutMs }, async () => {
    const etcd = await Etcd.start({ tls: 'mutual' })
    stop = () => etcd.stop()
    expect(etcd.url).toMatch(/^https:/)
    expect(await etcd.post('/v3/kv/put', { key, value: key })).toHaveProperty('header')
  })

  it('elects another leader when that is killed', { timeout: startTimeoutMs }, async () => {
    const cluster = await EtcdCluster.start(3)
    stop = () => cluster.stop()
    const first = await vi.waitFor(() => cluster.leader(), { timeout: 5_000 })
    await first.kill()
    const second = await vi.waitFor(() => cluster.leader(), { timeout: 10_000 })
    expect(second.name).not.toBe(first.name)
    await vi.waitFor(() => second.post('/v3/kv/put', { key, value: key }), { timeout: 10_000 })
    await first.restart()
    expect(await first.post('/v3/kv/range', { key })).toMatchObject({ count: '1' })
  })

  async function started(version: EtcdVersion): Promise<Etcd> {
    const etcd = await Etcd.start({ version })
    stop = () => etcd.stop()
    return etcd
  }
})
