import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { described } from '@lb/testing'
import { Etcd, startTimeoutMs } from 'test-servers'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { EtcdDiscovery, EtcdRegistrar, type EtcdRegistrarOptions } from '../src/index.ts'
import { EtcdStore } from './etcd-store.ts'
import { eventually } from './eventually.ts'
import { onEachEtcd } from './on-each-etcd.ts'
import { startOnSources } from './run-on-sources.ts'

const timeout = 40_000

onEachEtcd('a registration', (version) => {
  let etcd: Etcd
  let store: EtcdStore
  let services = 0
  const opened: { close(): Promise<void> }[] = []
  beforeAll(async () => {
    etcd = await Etcd.start({ version })
    store = new EtcdStore(etcd)
  }, startTimeoutMs)
  afterEach(async () => {
    for (const each of opened.splice(0)) await each.close()
  })
  afterAll(() => etcd.stop())

  const create = (options: EtcdRegistrarOptions = {}): EtcdRegistrar => {
    const registrar = new EtcdRegistrar({ endpoints: [etcd.url], ttlMs: 2_000, timeoutMs: 500, ...options })
    opened.push(registrar)
    return registrar
  }
  const service = (): string => `service-${services++}`
  const listed = async (name: string, options = {}): Promise<string[]> => {
    const discovery = new EtcdDiscovery({ endpoints: [etcd.url], ...options })
    try {
      return described(await discovery.getInstances(name))
    } finally {
      await discovery.close()
    }
  }
  const leaseOf = async (path: string): Promise<string | undefined> => (await store.keys(path))[0]?.lease

  it.each(['kratos', 'address', 'go-zero'] as const)(
    'with %s is found by a discovery, and gone after it was taken back',
    async (codec) => {
      const name = service()
      const registration = await create({ codec }).register(name, '10.0.0.1:80')
      expect(await listed(name, { codec })).toEqual(['10.0.0.1:80'])
      await registration.deregister()
      expect(await listed(name, { codec })).toEqual([])
    },
  )

  it('has a lease whose id is beyond what numbers are exact for', async () => {
    const name = service()
    await create().register(name, '10.0.0.1:80')
    expect(BigInt((await leaseOf(`/microservices/${name}/`)) ?? 0)).toBeGreaterThan(BigInt(Number.MAX_SAFE_INTEGER))
  })

  it('outlives the time of its lease', { timeout }, async () => {
    const name = service()
    await create().register(name, '10.0.0.1:80')
    const lease = await leaseOf(`/microservices/${name}/`)
    // A key whose lease nobody renews, twice one after the other.
    for (const marker of ['first', 'second']) {
      const { ID } = (await store.call('/v3/lease/grant', { TTL: '2' })) as { ID: string }
      await store.put(`/${marker}/${name}`, '', ID)
      await eventually(async () => expect(await store.keys(`/${marker}/`)).toEqual([]), 15_000)
    }
    expect(await leaseOf(`/microservices/${name}/`)).toBe(lease)
  })

  it('is made again when an operator deletes the key, and when he revokes the lease', { timeout }, async () => {
    const name = service()
    const registrar = create({ ttlMs: 30_000 })
    await registrar.register(name, '10.0.0.1:80')
    await store.remove(name, '10.0.0.1:80')
    // Long before the next renewal.
    await eventually(async () => expect(await listed(name)).toEqual(['10.0.0.1:80']))
    const lease = await leaseOf(`/microservices/${name}/`)
    await store.call('/v3/lease/revoke', { ID: lease })
    await eventually(async () => expect(await leaseOf(`/microservices/${name}/`)).not.toBe(lease), 10_000)
    await eventually(async () => expect(await listed(name)).toEqual(['10.0.0.1:80']))
  })

  it('is there again after etcd was killed, and after it stood still', { timeout }, async () => {
    const name = service()
    const errors: Error[] = []
    await create({ onError: (error) => errors.push(error) }).register(name, '10.0.0.1:80')
    await etcd.kill()
    await eventually(() => expect(errors.length).toBeGreaterThan(0), 10_000)
    expect(errors[0]).toMatchObject({ code: 'LB_DISCOVERY', service: name })
    await etcd.restart()
    await eventually(async () => expect(await listed(name)).toEqual(['10.0.0.1:80']), 10_000)
    const before = errors.length
    etcd.pause()
    await eventually(() => expect(errors.length).toBeGreaterThan(before), 10_000)
    etcd.resume()
    await eventually(async () => expect(await listed(name)).toEqual(['10.0.0.1:80']), 10_000)
  })

  it('of a process that was killed is gone when its lease runs out', { timeout }, async () => {
    const name = service()
    const program = `
      import { EtcdRegistrar } from '@lb/etcd'
      const registrar = new EtcdRegistrar({ endpoints: ['${etcd.url}'], ttlMs: 1_000 })
      await registrar.register('${name}', '10.0.0.1:80')
      console.log('registered')
      setInterval(() => {}, 1_000)`
    const child = startOnSources(program)
    await once(child.stdout as Readable, 'data')
    expect(await listed(name)).toEqual(['10.0.0.1:80'])
    child.kill('SIGKILL')
    await once(child, 'exit')
    await eventually(async () => expect(await listed(name)).toEqual([]), 15_000)
  })

  it('is refused where nobody listens', async () => {
    const registrar = create({ endpoints: ['http://127.0.0.1:1'] })
    await expect(registrar.register(service(), '10.0.0.1:80')).rejects.toMatchObject({ code: 'LB_DISCOVERY' })
  })
})
