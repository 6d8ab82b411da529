import { LoadBalancer, parseInstance } from '@lb/core'
import { Notes } from '@lb/testing'
import { Consul, FaultProxy, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { ConsulDiscovery } from '../src/index.ts'
import { inCatalogue } from './registered.ts'

describeWithServers('at scale', Consul.programs, () => {
  let consul: Consul
  /** Counts connections. */
  let proxy: FaultProxy
  beforeAll(async () => {
    consul = await Consul.start()
    proxy = await FaultProxy.start({ port: Number(new URL(consul.url).port) })
  }, startTimeoutMs)
  afterAll(async () => {
    await proxy.close()
    await consul.stop()
  })

  const discover = (options: object = {}): ConsulDiscovery =>
    new ConsulDiscovery({ address: proxy.address, env: {}, ...options })

  /** Writes to the catalogue, 64 at a time, which is the most that a transaction takes. */
  const setInBulk = async (node: string, services: readonly object[]): Promise<void> => {
    await consul.request('PUT', '/v1/catalog/register', { Node: node, Address: '10.9.9.9' })
    for (let at = 0; at < services.length; at += 64) {
      const operations = services
        .slice(at, at + 64)
        .map((service) => ({ Service: { Verb: 'set', Node: node, Service: service } }))
      await consul.request('PUT', '/v1/txn', operations)
    }
  }

  it('5 000 instances of one service are all seen, and so is a change of one', async () => {
    const instance = (index: number, port = 80): object => ({
      ID: `big-${index}`,
      Service: 'big',
      Address: `10.1.${index >> 8}.${index & 255}`,
      Port: port,
      Meta: { zone: `z${index % 3}`, version: '1' },
    })
    await setInBulk(
      'bulk',
      Array.from({ length: 5_000 }, (_, index) => instance(index)),
    )
    const lb = new LoadBalancer({ discovery: discover() })
    await lb.ready('big')
    const known = (): string => {
      const { instances } = lb.inspect('big') as { instances: readonly { state: string; instance: { port: number } }[] }
      const odd = instances.filter(({ instance: { port } }) => port !== 80)
      return `${instances.length} known, ${odd.length} elsewhere`
    }
    expect(known()).toBe('5000 known, 0 elsewhere')
    await setInBulk('bulk', [instance(4_711, 81)])
    await vi.waitFor(() => expect(known()).toBe('5000 known, 1 elsewhere'), { timeout: 10_000 })
    await lb.close()
  }, 60_000)

  it('200 services are watched by one process, which stays below the limit of the agent', async () => {
    const names = Array.from({ length: 200 }, (_, index) => `many-${index}`)
    const services = (port: number): object[] => names.map((name) => ({ ID: name, Service: name, Port: port }))
    await setInBulk('many', services(80))
    const discovery = discover({ pollIntervalMs: 1_000 })
    const notes = names.map((name) => {
      const observer = new Notes()
      discovery.watch(name, observer)
      return observer
    })
    let mostConnections = 0
    const all = (port: number): Promise<void> =>
      vi.waitFor(
        () => {
          mostConnections = Math.max(mostConnections, proxy.openConnections)
          const latest = notes.map(({ lists }) =>
            lists
              .at(-1)
              ?.map((init) => parseInstance(init).port)
              .join(),
          )
          expect(latest.filter((ports) => ports === String(port))).toHaveLength(200)
        },
        { timeout: 20_000 },
      )
    await all(80)
    await setInBulk('many', services(81))
    await all(81)
    await setInBulk('many', services(82))
    await all(82)
    expect(notes.flatMap(({ errors }) => errors)).toEqual([])
    // 100 blocking queries and 8 more.
    expect(mostConnections).toBeGreaterThan(100)
    expect(mostConnections).toBeLessThanOrEqual(108)
    await discovery.close()
    await vi.waitFor(() => expect(proxy.openConnections).toBe(0))
  }, 90_000)

  it('an agent with a lower limit serves a discovery that knows it', async () => {
    const small = await Consul.start({ configuration: { limits: { http_max_conns_per_client: 12 } } })
    onTestFinished(() => small.stop())
    const names = Array.from({ length: 20 }, (_, index) => `few-${index}`)
    for (const name of names) {
      await small.register({ ID: name, Name: name, Port: 80 })
      await inCatalogue(small, name, 1)
    }
    // Two are left for the test itself.
    const options = { address: small.url, env: {}, maxBlockingQueries: 2, pollIntervalMs: 500 }
    const discovery = new ConsulDiscovery(options)
    const notes = names.map((name) => {
      const observer = new Notes()
      discovery.watch(name, observer)
      return observer
    })
    await vi.waitFor(() => expect(notes.filter(({ lists }) => lists.length === 1)).toHaveLength(20))
    for (const name of names) await small.register({ ID: name, Name: name, Port: 81 })
    await vi.waitFor(() => expect(notes.filter(({ lists }) => lists.length === 2)).toHaveLength(20), { timeout: 5_000 })
    expect(notes.flatMap(({ errors }) => errors)).toEqual([])
    await discovery.close()
  }, 60_000)
})
