import { parseInstance, type ServiceInstance } from '@lb/core'
import { Notes } from '@lb/testing'
import { Consul, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { ConsulDiscovery, type ConsulDiscoveryOptions } from '../src/index.ts'
import { inCatalogue } from './registered.ts'

const seen = { timeout: 8_000 }

describeWithServers('what a real agent says', Consul.programs, () => {
  let consul: Consul
  const discoveries: ConsulDiscovery[] = []
  beforeAll(async () => {
    consul = await Consul.start()
  }, startTimeoutMs)
  afterAll(() => consul.stop())
  afterEach(async () => {
    for (const discovery of discoveries.splice(0)) await discovery.close()
  })

  const discover = (options: ConsulDiscoveryOptions = {}): ConsulDiscovery => {
    const discovery = new ConsulDiscovery({ address: consul.url, env: {}, ...options })
    discoveries.push(discovery)
    return discovery
  }

  const list = async (service: string, options: ConsulDiscoveryOptions = {}): Promise<ServiceInstance[]> =>
    (await discover(options).getInstances(service)).map(parseInstance)

  const onNode = async (name: string, address: string, fields: object): Promise<void> => {
    await consul.request('PUT', '/v1/catalog/register', { Node: name, Address: address, ...fields })
  }

  it('is an instance that appears, changes weight, metadata and health, and disappears', async () => {
    const notes = new Notes()
    // More changes than usual, so as not to wait for 15 s in the end.
    discover({ churnIntervalMs: 500 }).watch('live', notes)
    const latest = (): unknown =>
      notes.lists.at(-1)?.map((init) => {
        const { id, host, port, weight, zone, healthy, metadata } = parseInstance(init)
        return { id, at: `${host}:${port}`, weight, zone, healthy, version: metadata.version }
      })
    const become = (...expected: object[]): Promise<void> => vi.waitFor(() => expect(latest()).toEqual(expected), seen)
    await become()
    const check = { CheckID: 'live-check', TTL: '60s', Status: 'passing' }
    const service = { ID: 'live-1', Name: 'live', Port: 7001, Check: check }
    await consul.register({ ...service, Weights: { Passing: 10, Warning: 2 }, Meta: { version: '1', zone: 'a' } })
    const first = { id: 'dev1/live-1', at: '127.0.0.1:7001', weight: 10, zone: 'a', healthy: true, version: '1' }
    await become(first)
    await consul.register({ ...service, Weights: { Passing: 20, Warning: 3 }, Meta: { version: '2' } })
    const changed = { ...first, weight: 20, zone: undefined, version: '2' }
    await become(changed)
    await consul.check('live-check', 'warn')
    await become({ ...changed, weight: 3 })
    await consul.check('live-check', 'fail')
    await become({ ...changed, healthy: false })
    await consul.check('live-check', 'pass')
    await become(changed)
    await consul.request('PUT', '/v1/agent/service/maintenance/live-1?enable=true')
    await become({ ...changed, weight: 0, healthy: false })
    await consul.request('PUT', '/v1/agent/service/maintenance/live-1?enable=false')
    await consul.request('PUT', '/v1/agent/maintenance?enable=true')
    await become({ ...changed, weight: 0, healthy: false })
    await consul.request('PUT', '/v1/agent/maintenance?enable=false')
    await become(changed)
    await consul.deregister('live-1')
    await become()
    expect(notes.errors).toEqual([])
  }, 60_000)

  it('is nothing for a service that nobody registered, and a watch of it waits', async () => {
    const notes = new Notes()
    discover({ waitMs: 1_000 }).watch('nobody', notes)
    await vi.waitFor(() => expect(notes.lists).toEqual([[]]))
    await consul.register({ ID: 'nobody-1', Name: 'nobody', Port: 1 })
    await vi.waitFor(() => expect(notes.lists).toHaveLength(2), seen)
    await consul.deregister('nobody-1')
    await vi.waitFor(() => expect(notes.lists).toHaveLength(3), seen)
  }, 20_000)

  it('tells the same instance once, however often a query comes back without a change', async () => {
    await consul.register({ ID: 'still-1', Name: 'still', Port: 1 })
    await inCatalogue(consul, 'still', 1)
    const notes = new Notes()
    const [watching, counting] = [discover({ waitMs: 1_000 }), discover()]
    watching.watch('still', notes)
    await vi.waitFor(() => expect(notes.lists).toHaveLength(1))
    // Three whole waits.
    for (const index of [1, 2, 3]) {
      await consul.request('GET', `/v1/health/service/none-${index}?index=1000000&wait=1s`)
    }
    expect(await counting.getInstances('still')).toHaveLength(1)
    expect([notes.lists.length, notes.errors.length]).toEqual([1, 0])
  }, 20_000)

  it('is two instances when two nodes have the same ID of a service, at the addresses of their nodes', async () => {
    const service = { ID: 'twin', Service: 'twin', Port: 80 }
    await onNode('n1', '10.0.0.1', { Service: service })
    await onNode('n2', '10.0.0.2', { Service: service, NodeMeta: { zone: 'b' } })
    expect((await list('twin')).map(({ id, host, zone }) => [id, host, zone])).toEqual([
      ['n1/twin', '10.0.0.1', undefined],
      ['n2/twin', '10.0.0.2', 'b'],
    ])
  })

  it('is what tags, filters and passing leave', async () => {
    const hostile = 'a"b`c\\d or true'
    await consul.register({ ID: 't1', Name: 'tagged', Port: 1, Tags: ['v1', 'eu'], Meta: { version: '1' } })
    await consul.register({ ID: 't2', Name: 'tagged', Port: 2, Tags: ['v2', 'eu'], Meta: { version: '2' } })
    const check = { CheckID: 't3', TTL: '60s' }
    await consul.register({ ID: 't3', Name: 'tagged', Port: 3, Tags: ['v2', hostile], Check: check })
    await inCatalogue(consul, 'tagged', 3)
    const ports = async (options: ConsulDiscoveryOptions): Promise<number[]> =>
      (await list('tagged', options)).map(({ port }) => port)
    expect(await ports({})).toEqual([1, 2, 3])
    expect(await ports({ tag: 'v2' })).toEqual([2, 3])
    expect(await ports({ tag: ['v2', 'eu'] })).toEqual([2])
    expect(await ports({ tag: hostile })).toEqual([3])
    expect(await ports({ tag: 'none' })).toEqual([])
    expect(await ports({ filter: 'Service.Meta.version == "1" or Service.Port == 3' })).toEqual([1, 3])
    expect(await ports({ tag: 'v2', filter: 'Service.Meta.version == "1" or Service.Port == 3' })).toEqual([3])
    expect(await ports({ passing: true })).toEqual([1, 2])
    expect(await ports({ tag: 'eu', passing: true, consistency: 'stale' })).toEqual([1, 2])
    expect(await ports({ datacenter: 'dc1', consistency: 'consistent' })).toEqual([1, 2, 3])
  })

  it('is a failure for a datacenter that is not there, and for a filter that makes no sense', async () => {
    await expect(list('tagged', { datacenter: 'nope' })).rejects.toThrow('No path to datacenter')
    await expect(list('tagged', { filter: 'nonsense' })).rejects.toThrow('boolean expression')
  })

  it('is the nearest first, and the others in reserve', async () => {
    const away = { near: 0.001, mid: 0.01, far: 0.1 }
    for (const [index, [name, seconds]] of Object.entries(away).entries()) {
      await onNode(name, `10.0.1.${index}`, { Service: { ID: 'geo', Service: 'geo', Port: 80 } })
      const Coord = { Vec: [seconds, 0, 0, 0, 0, 0, 0, 0], Error: 0.1, Adjustment: 0, Height: 0.0001 }
      await consul.request('PUT', '/v1/coordinate/update', { Node: name, Coord })
    }
    const tiers = async (options: ConsulDiscoveryOptions): Promise<string> =>
      (await list('geo', options)).map(({ id, priority }) => `${id} ${priority}`).join()
    // Coordinates are written in batches, every five seconds.
    await vi.waitFor(
      async () => {
        expect(await tiers({ near: { count: 1, node: 'far' } })).toBe('far/geo 0,mid/geo 1,near/geo 1')
        expect(await tiers({ near: { count: 2, node: 'near' } })).toBe('far/geo 1,mid/geo 0,near/geo 0')
      },
      { timeout: 20_000, interval: 200 },
    )
    expect(await tiers({})).toBe('far/geo 0,mid/geo 0,near/geo 0')
  }, 30_000)
})
